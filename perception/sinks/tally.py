"""What a run saw, in numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from time import monotonic_ns, perf_counter
from typing import Any

from perception.fields import FIELDS, Named, classes_of, present
from perception.timing import Stages
from perception.types import Frame, Scene, Size


class Tally:
    """Counts objects by class, lane lines and road edges by kind; keeps the stages' times. Writes no file.

    Of a `live` source also the age of the scenes: from the capture of the frame until it is written.
    """

    def __init__(self, tasks: Iterable[Named], live: bool = False) -> None:
        self._live = live
        self._ages = Stages()
        self._counts: dict[str, dict[str, float]] = {}  # by field
        self._classes = classes_of(tasks)
        self._stages = Stages()
        self._sizes: set[Size] = set()
        self._blank = 0
        self.frames = self.calibrated = 0  # all, and those with a camera
        self._start = self._last = perf_counter()

    def write(self, frame: Frame, scene: Scene) -> None:
        for field, value in present(scene):
            counts = field.count(value, self._classes[field.task])
            if counts is not None:
                _add(self._counts.setdefault(field.name, {}), counts)
        self._stages.add(scene.timing_ms)
        if frame.taken_ns is not None:
            self._ages.add({"age": (monotonic_ns() - frame.taken_ns) / 1e6})
        self._sizes.add(scene.size)
        self.frames += 1
        self._blank += scene.blank
        self.calibrated += frame.camera is not None
        self._last = perf_counter()

    def close(self) -> None:
        """The numbers stay."""

    def summary(self) -> dict[str, Any]:
        """Plain values for JSON: fps by the wall clock, ms by stage, counts by task and name."""
        seconds = self._last - self._start
        found = {
            field.task or field.name: field.total(self._counts[field.name], self.frames)
            for field in FIELDS
            if field.name in self._counts
        }
        return {
            "frames": self.frames,
            "blank": self._blank,
            "sizes": sorted(map(list, self._sizes)),
            "seconds": round(seconds, 3),
            "fps": round(self.frames / seconds, 2) if self.frames else 0.0,
            "ms": self._stages.percentiles(),
            **({"age_ms": self._ages.percentiles().get("age", {})} if self._live else {}),
            "found": found,
        }


def _add(sums: dict[str, float], counts: Mapping[str, float]) -> None:
    for name, count in counts.items():
        sums[name] = sums.get(name, 0) + count

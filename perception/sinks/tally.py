"""What a run saw, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from time import perf_counter, time_ns
from typing import Any

from perception.interfaces import Task
from perception.timing import Stages
from perception.types import Frame, Scene, Size


class Tally:
    """Counts objects by class, lane lines and road edges by kind; keeps the stages' times. Writes no file.

    Of a `live` source also the age of the scenes: from the capture of the frame until it is written.
    """

    def __init__(self, tasks: Sequence[Task], live: bool = False) -> None:
        self._live = live
        self._ages = Stages()
        self._counts: dict[str, Counter[str]] = {}
        self._classes = {task.name: task.classes for task in tasks}
        self._share = 0.0
        self._stages = Stages()
        self._sizes: set[Size] = set()
        self._scenes = self._blank = 0
        self._start = self._last = perf_counter()

    def write(self, frame: Frame, scene: Scene) -> None:
        if scene.detections is not None:
            self._count("detection", scene.detections.class_id)
        if scene.signs is not None:
            self._count("signs", scene.signs.class_id)
        if scene.lanes is not None:
            self._count("lanes", (line.kind for line in scene.lanes))
        if scene.drivable is not None:
            self._share += float((scene.drivable.labels > 0).mean())
        self._stages.add(scene.timing_ms)
        if self._live:
            self._ages.add({"age": (time_ns() - frame.stamp_ns) / 1e6})
        self._sizes.add(scene.size)
        self._scenes += 1
        self._blank += scene.blank
        self._last = perf_counter()

    def close(self) -> None:
        """The numbers stay."""

    def summary(self) -> dict[str, Any]:
        """Plain values for JSON: fps by the wall clock, ms by stage, counts by task and name."""
        seconds = self._last - self._start
        found: dict[str, Any] = {name: dict(counts.most_common()) for name, counts in self._counts.items()}
        if "drivable" in self._classes and self._scenes:
            found["drivable"] = {"mean_share": round(self._share / self._scenes, 4)}
        return {
            "frames": self._scenes,
            "blank": self._blank,
            "sizes": sorted(map(list, self._sizes)),
            "seconds": round(seconds, 3),
            "fps": round(self._scenes / seconds, 2) if self._scenes else 0.0,
            "ms": self._stages.percentiles(),
            **({"age_ms": self._ages.percentiles().get("age", {})} if self._live else {}),
            "found": found,
        }

    def _count(self, task: str, class_ids: Iterable[int]) -> None:
        classes = self._classes[task]
        self._counts.setdefault(task, Counter()).update(classes[k] for k in class_ids)

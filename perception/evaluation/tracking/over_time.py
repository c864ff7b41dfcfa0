"""All that is judged of a drive as a whole, or needs to know who is who from frame to frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from perception.evaluation.tracking.flicker import Flicker
from perception.evaluation.tracking.followed import Following, Measuring, numbers_of
from perception.evaluation.tracking.happened import Happened
from perception.labels.truth import Truth
from perception.tasks.evidence import Evidence
from perception.types import Frame, Scene

MOVING = "moving"  # the part of a truth


class OverTime:
    """The frames of one drive in order, each with its truth and with what was seen."""

    def __init__(self, classes: Sequence[str]) -> None:
        """`classes`: of the objects that are seen."""
        self._classes = np.array(classes, str)
        self._following, self._measuring = Following(), Measuring()
        self._happened, self._flicker = Happened(), Flicker()
        self._set = ""

    def add(self, frame: Frame, truth: Truth, scene: Scene) -> dict[str, Evidence]:
        """What this frame says by itself."""
        self._set = truth.name(MOVING)
        self._flicker.add(scene)
        moving, found = truth.moving, scene.detections
        if moving is None or found is None:
            return {}
        names = self._classes[found.class_id]
        self._following.add(moving, names, found, frame.size[1])
        self._happened.add(scene.stamp_ns, moving.happenings, scene.events, numbers_of(moving, found))
        return {self._named(key): said for key, said in self._measuring(frame, moving, names, scene)}

    def end(self) -> Mapping[str, Evidence]:
        """What the drive says as a whole."""
        return dict(self._whole())

    def _whole(self) -> Iterator[tuple[str, Evidence]]:
        for key, said in self._following.evidence():
            yield self._named(f"tracking.{key}"), said
        for key, said in self._happened.evidence():
            yield self._named(f"events.{key}"), said
        for key, said in self._flicker.evidence().items():
            yield self._named(f"flicker{key}"), said

    def _named(self, key: str) -> str:
        """`tracking.vehicle/hota` to `tracking.SET.vehicle/hota`."""
        place, slash, variant = key.partition("/")
        task, _, rest = place.partition(".")
        return ".".join(filter(None, (task, self._set, rest))) + slash + variant

"""Where a vehicle may drive: one class map."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from perception.bundle import TaskSpec
from perception.interfaces import Backend
from perception.kernels.reference import logit
from perception.letterbox import Letterbox
from perception.tasks.drivable.decode import decode
from perception.tasks.drivable.draw import draw
from perception.tasks.drivable.field import DrivableField
from perception.types import ClassMap, Frame, RawOutputs, Scene

CLASSES = ("background", "drivable")


class Drivable:
    """Fills `scene.drivable`."""

    name = "drivable"
    field = DrivableField()

    def __init__(self, spec: TaskSpec, network: Backend | None = None) -> None:
        self.classes = spec.classes
        self.outputs = spec.outputs
        self.needs = spec.needs
        self._threshold = threshold(spec)

    def decode(self, raw: RawOutputs, frame: Frame, box: Letterbox, scene: Scene) -> Scene:
        if "drivable.labels" in raw:
            labels = box.inside(raw["drivable.labels"]).copy()
        else:
            labels = decode(raw["drivable.map"][0], box, self._threshold)
        return replace(scene, drivable=ClassMap(labels, frame.size))

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        if scene.drivable is not None:
            draw(canvas, scene.drivable)


def threshold(spec: TaskSpec) -> float:
    """Logit above which a place is drivable."""
    return logit(spec.settings.get("threshold", 0.5))

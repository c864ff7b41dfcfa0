"""Where a vehicle may drive: one class map."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from perception.bundle import TaskSpec
from perception.interfaces import Backend
from perception.kernels.reference import logit
from perception.letterbox import Letterbox
from perception.tasks.about import About, Score
from perception.tasks.drivable.confidence import confidence
from perception.tasks.drivable.decode import decode
from perception.tasks.drivable.draw import draw
from perception.tasks.drivable.field import DrivableField
from perception.types import ClassMap, Frame, RawOutputs, Scene

CLASSES = ("background", "drivable")
ABOUT = About(
    TaskSpec("drivable", CLASSES, ("drivable.map",), settings={"threshold": 0.42}),
    Score("drivable.*.iou", "IoU, mean of the sets"),
    {"drivable": ("iou",)},
    {"drivable": ("#1e8449", "#5cc389")},
    {
        "drivable.camvid.iou": "drivable area, IoU, CamVid",
        "drivable.idd.iou": "drivable area, IoU, IDD-Lite",
        "drivable.roadseg_ru.iou": "drivable area, IoU, Russian country roads",
        "drivable.lums.iou": "drivable area, IoU, campus in Lahore",
        "drivable.acdc.iou": "drivable area, IoU, night, fog, rain and snow, ACDC",
        "ego.all.drivable": "own bonnet called drivable, lower is better, three drives",
    },
    weight=8.0,
)


class Drivable:
    """Fills `scene.drivable`."""

    name = "drivable"
    about = ABOUT
    field = DrivableField()
    tints = True

    def __init__(self, spec: TaskSpec, network: Backend | None = None) -> None:
        self.spec = spec
        self.classes = spec.classes
        self.outputs = spec.outputs
        self.needs = spec.needs
        self._threshold = _threshold(spec)

    def decode(self, raw: RawOutputs, frame: Frame, box: Letterbox, scene: Scene) -> Scene:
        if "drivable.labels" in raw:
            labels = box.inside(raw["drivable.labels"]).copy()
        else:
            labels = decode(raw["drivable.map"][0], box, self._threshold)
        return replace(scene, drivable=ClassMap(labels, frame.size))

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        if scene.drivable is not None:
            draw(canvas, scene.drivable)

    def confidence(self, raw: RawOutputs, box: Letterbox, scene: Scene) -> float | None:
        """The IoU that the probabilities promise. None: no area, or a device decoded it."""
        if "drivable.labels" in raw:
            return None
        return confidence(raw["drivable.map"][0], box, self._threshold)

    @staticmethod
    def on_device(spec: TaskSpec) -> dict[str, float]:
        """What a backend that makes the labels itself must know."""
        return {"area": _threshold(spec)}


def _threshold(spec: TaskSpec) -> float:
    """Logit above which a place is drivable."""
    return logit(spec.number("threshold", 0.5))

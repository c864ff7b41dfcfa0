"""Where the objects are: boxes of road users, lights and signs.

Anchor-free: each cell of three grids gives a score for each class and its distances to the four sides
of the object (FCOS, Tian et al. 2019, without the centre-ness branch).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from perception.bundle import TaskSpec
from perception.convention import STRIDES
from perception.errors import BundleError
from perception.interfaces import Backend
from perception.kernels.reference import logit
from perception.letterbox import Letterbox
from perception.tasks.about import About, Score
from perception.tasks.detection.confidence import confidence
from perception.tasks.detection.decode import SMALLEST, decode, decoded
from perception.tasks.detection.draw import draw
from perception.tasks.detection.field import DetectionsField
from perception.types import Frame, RawOutputs, Scene

CLASSES = ("vehicle", "person", "cyclist", "motorbike", "traffic_light", "traffic_sign")
ABOUT = About(
    TaskSpec(
        "detection",
        CLASSES,
        tuple(f"detection.{kind}{stride}" for stride in STRIDES for kind in ("scores", "boxes")),
        settings={"threshold": dict.fromkeys(CLASSES, 0.4), "nms_iou": 0.5, "max_objects": 100},
    ),
    Score("detection.all.ap50", "AP50, mean of classes"),
    {"detection": ("ap50", "f1")},
    {"detection": ("#c0392b", "#e8776b")},
    {
        "detection.camvid.vehicle.ap50": "vehicles, AP50, CamVid",
        "detection.camvid.person.ap50": "people, AP50, CamVid",
        "detection.camvid.cyclist.ap50": "cyclists, AP50, CamVid",
        "detection.acdc.vehicle.ap50": "vehicles, AP50, night, fog, rain and snow, ACDC",
    },
    weight=2.5,
)


class Detection:
    """Fills `scene.detections`."""

    name = "detection"
    about = ABOUT
    field = DetectionsField()

    def __init__(self, spec: TaskSpec, network: Backend | None = None) -> None:
        """Raises BundleError unless the settings name a threshold in (0, 1) for each class."""
        self.spec = spec
        self.classes = spec.classes
        self.outputs = spec.outputs
        self.needs = spec.needs
        self._thresholds, self._nms_iou, self._max_objects = _settings(spec)

    def decode(self, raw: RawOutputs, frame: Frame, box: Letterbox, scene: Scene) -> Scene:
        if "detection.objects" in raw:
            found = decoded(raw["detection.objects"])
        else:
            found = decode(raw, box, self._thresholds, self._nms_iou, self._max_objects)
        return replace(scene, detections=found)

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        draw(canvas, scene, self.classes)

    def confidence(self, raw: RawOutputs, box: Letterbox, scene: Scene) -> float | None:
        """The F1 that the scores promise. None: no objects, or a device decoded them."""
        if not scene.detections or "detection.objects" in raw:
            return None
        return confidence(raw, scene.detections, self._thresholds)

    @staticmethod
    def on_device(spec: TaskSpec) -> dict[str, Any]:
        """What a backend that finds the objects itself must know."""
        thresholds, nms_iou, most = _settings(spec)
        return {"thresholds": thresholds, "nms_iou": nms_iou, "max_objects": most, "smallest": SMALLEST}


def _settings(spec: TaskSpec) -> tuple[np.ndarray, float, int]:
    """Logits above which a class counts, the overlap of two objects, how many there may be."""
    return _thresholds(spec), spec.number("nms_iou", 0.6), int(spec.number("max_objects", 100))


def _thresholds(spec: TaskSpec) -> np.ndarray:
    """(classes,) float32."""
    scores = spec.settings.get("threshold", {})
    good = isinstance(scores, Mapping) and set(scores) == set(spec.classes)
    if not (good and all(isinstance(score, float) and 0 < score < 1 for score in scores.values())):
        raise BundleError(
            f"detection: expected a threshold between 0 and 1 for each of {list(spec.classes)}, "
            f"got {scores}; correct settings.threshold in model.json"
        )
    return np.array([logit(scores[name]) for name in spec.classes], np.float32)

"""Of which class each detected object is, such as the state of a traffic light.

A fine map has a score for each class; of an object it is the largest of the cells in its box.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from perception.bundle import TaskSpec
from perception.errors import BundleError
from perception.interfaces import Backend
from perception.letterbox import Letterbox
from perception.tasks.added import cells, colour_of, softmax, with_task
from perception.tasks.object_class.draw import draw
from perception.tasks.object_class.field import ObjectClassesField
from perception.types import Frame, ObjectClasses, RawOutputs, Scene

OBJECT = "object_id"  # the class of detections that are told apart


class ObjectClassifier:
    """Fills `scene.object_classes[name]` for the detections of one class."""

    field = ObjectClassesField()

    def __init__(self, spec: TaskSpec, network: Backend | None = None) -> None:
        """Raises BundleError unless the bundle says which objects it reads."""
        if "detection" not in spec.needs or not isinstance(spec.settings.get(OBJECT), int):
            raise BundleError(
                f"{spec.name}: expected the need of detection and the setting {OBJECT}, got "
                f"{list(spec.needs)} and {dict(spec.settings)}. Add the task again: `perception add-task`"
            )
        self.spec, self.name, self.kind = spec, spec.name, spec.kind
        self.classes, self.outputs, self.needs = spec.classes, spec.outputs, spec.needs
        self.object = int(spec.settings[OBJECT])
        self.colours = [colour_of(name, k) for k, name in enumerate(spec.classes)]

    def decode(self, raw: RawOutputs, frame: Frame, box: Letterbox, scene: Scene) -> Scene:
        if scene.detections is None:
            raise ValueError(f"{self.name} reads detections: run the task detection before it")
        xyxy = scene.detections.xyxy[scene.detections.class_id == self.object]
        score = softmax(pooled(raw[self.outputs[0]][0], xyxy, box))
        best = score.argmax(1).astype(np.int32)
        value = ObjectClasses(self.classes, xyxy, best, score.max(1, initial=0))
        return replace(scene, object_classes=with_task(scene.object_classes, self.name, value))

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        if scene.object_classes is not None and self.name in scene.object_classes:
            draw(canvas, scene.object_classes, self.name, self.colours)

    @staticmethod
    def on_device(spec: TaskSpec) -> Mapping[str, Any]:
        """Its scores come to the host as they are."""
        return {}


def pooled(maps: np.ndarray, xyxy: np.ndarray, box: Letterbox) -> np.ndarray:
    """Scores (classes, h, w) over the network's input to (n, classes): the largest in each box."""
    network = box.to_network(xyxy.reshape(-1, 2, 2)).reshape(-1, 4)
    places = cells(network, maps.shape[1:], box.network)
    rows = [maps[:, y1:y2, x1:x2].max((1, 2)) for x1, y1, x2, y2 in places]
    return np.array(rows, np.float32).reshape(-1, len(maps))

"""Of which class a whole image is, such as its weather: the mean of a coarse map of scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from perception.bundle import TaskSpec
from perception.interfaces import Backend
from perception.letterbox import Letterbox
from perception.tasks.added import cells, colour_of, softmax, with_task
from perception.tasks.image_class.draw import draw
from perception.tasks.image_class.field import ImageClassesField
from perception.types import Frame, ImageClass, RawOutputs, Scene


class ImageClassifier:
    """Fills `scene.image_classes[name]`."""

    field = ImageClassesField()

    def __init__(self, spec: TaskSpec, network: Backend | None = None) -> None:
        self.spec, self.name, self.kind = spec, spec.name, spec.kind
        self.classes, self.outputs, self.needs = spec.classes, spec.outputs, spec.needs
        self.colours = [colour_of(name, k) for k, name in enumerate(spec.classes)]

    def decode(self, raw: RawOutputs, frame: Frame, box: Letterbox, scene: Scene) -> Scene:
        score = softmax(pooled(raw[self.outputs[0]][0], box))
        found = with_task(scene.image_classes, self.name, ImageClass(self.classes, score))
        return replace(scene, image_classes=found)

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        if scene.image_classes is not None and self.name in scene.image_classes:
            draw(canvas, scene.image_classes, self.name, self.colours)

    @staticmethod
    def on_device(spec: TaskSpec) -> Mapping[str, Any]:
        """Its scores come to the host as they are."""
        return {}


def pooled(maps: np.ndarray, box: Letterbox) -> np.ndarray:
    """Scores (classes, h, w) over the network's input to their means (classes,) over the image."""
    (left, top), (width, height) = box.offset, box.inner
    inner = np.array([[left, top, left + width, top + height]], np.float64)
    x1, y1, x2, y2 = cells(inner, maps.shape[1:], box.network)[0]
    mean: np.ndarray = maps[:, y1:y2, x1:x2].mean((1, 2))
    return mean

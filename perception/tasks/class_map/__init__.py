"""Of which class each place of the image is: a dense map, such as sky, road and vegetation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import cv2
import numpy as np

from perception.bundle import TaskSpec
from perception.errors import BundleError
from perception.interfaces import Backend
from perception.letterbox import Letterbox
from perception.tasks.added import MOST, colour_of, with_task
from perception.tasks.class_map.draw import draw
from perception.tasks.class_map.field import ClassMapsField
from perception.types import Frame, LabelMap, RawOutputs, Scene


class MapClassifier:
    """Fills `scene.class_maps[name]`."""

    field = ClassMapsField()
    tints = True

    def __init__(self, spec: TaskSpec, network: Backend | None = None) -> None:
        """Raises BundleError for more classes than an added task may have."""
        if len(spec.classes) > MOST:
            raise BundleError(f"{spec.name}: expected at most {MOST} classes, got {len(spec.classes)}")
        self.spec, self.name, self.kind = spec, spec.name, spec.kind
        self.classes, self.outputs, self.needs = spec.classes, spec.outputs, spec.needs
        self.factor = spec.settings["factor"]
        self.colours = [colour_of(name, k) for k, name in enumerate(spec.classes)]

    def decode(self, raw: RawOutputs, frame: Frame, box: Letterbox, scene: Scene) -> Scene:
        labels = labelled(raw[self.outputs[0]][0], self.factor, box)
        found = with_task(scene.class_maps, self.name, LabelMap(self.classes, labels, frame.size))
        return replace(scene, class_maps=found)

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        if scene.class_maps is not None and self.name in scene.class_maps:
            draw(canvas, scene.class_maps[self.name], self.colours)

    @staticmethod
    def on_device(spec: TaskSpec) -> Mapping[str, Any]:
        """Its scores come to the host as they are."""
        return {}


def labelled(parts: np.ndarray, factor: int, box: Letterbox) -> np.ndarray:
    """Logits (classes * factor^2, h, w), pixel-shuffled maps, to labels (h, w) uint8 of the image's part."""
    best = shuffled(parts, factor).argmax(0).astype(np.uint8)
    large = cv2.resize(best, box.network, interpolation=cv2.INTER_NEAREST_EXACT)
    return box.inside(large).copy()


def shuffled(parts: np.ndarray, factor: int) -> np.ndarray:
    """(classes * factor^2, h, w) to (classes, h * factor, w * factor), as torch.nn.PixelShuffle."""
    channels, height, width = parts.shape
    cells = parts.reshape(channels // factor**2, factor, factor, height, width)
    return cells.transpose(0, 3, 1, 4, 2).reshape(-1, height * factor, width * factor)

"""What one task found and another contradicts: a sign that lies on the road is none.

Signs stand beside the road or hang above it, so there is something else around them in the picture. What the
network takes for a sign in the midst of the drivable area is paint, a stain or a print.
"""

from __future__ import annotations

from dataclasses import replace
from math import inf

import numpy as np

from perception.types import ClassMap, Frame, Scene

SIGN = "traffic_sign"
AROUND = 0.5  # of its sides: what is looked at around a sign, on each side
LYING = 0.9  # share of it, and of the sign itself, that is drivable
ROAD = 1  # label of the drivable area


class Consistent:
    """Leaves out of `detections`, and of `signs`, those that lie on the drivable area."""

    name = "consistent"
    needs: tuple[str, ...] = ("detection", "drivable")
    remembers = False
    longest_gap_s = inf

    def __init__(self, classes: tuple[str, ...]) -> None:
        """`classes`: of detections."""
        self._sign = classes.index(SIGN) if SIGN in classes else -1

    def reset(self) -> None:
        """It remembers nothing."""

    def __call__(self, frame: Frame, scene: Scene) -> Scene:
        found, area = scene.detections, scene.drivable
        if not found or area is None:
            return scene
        out = np.zeros(len(found), bool)
        for k in np.flatnonzero(found.class_id == self._sign):
            out[k] = lies(found.xyxy[k], area)
        if not out.any():
            return scene
        signs = scene.signs
        if signs is not None:  # they have the boxes of the objects that were read
            signs = signs[~(signs.xyxy[:, None] == found.xyxy[out]).all(2).any(1)]
        return replace(scene, detections=found[~out], signs=signs)

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        """Nothing."""


def lies(xyxy: np.ndarray, area: ClassMap) -> bool:
    """Whether what is in a box (4,), image pixels, and around it is drivable."""
    height, width = area.labels.shape
    scale = np.array([width, height] * 2) / (area.size * 2)
    x1, y1, x2, y2 = xyxy * scale
    dx, dy = AROUND * (x2 - x1), AROUND * (y2 - y1)
    left, top = max(0, round(x1 - dx)), max(0, round(y1 - dy))
    part = area.labels[top : max(0, round(y2 + dy)) + 1, left : max(0, round(x2 + dx)) + 1]
    return part.size > 0 and float((part == ROAD).mean()) >= LYING

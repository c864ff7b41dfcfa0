"""Boxes with a plate that says what and how sure."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from perception.tasks import tags
from perception.types import Scene

DARK = (30, 30, 30)
READ_ELSEWHERE = "traffic_sign"  # where signs are read, their plate says more than this one would


def draw(canvas: np.ndarray, scene: Scene, classes: Sequence[str]) -> None:
    """Paint `scene.detections` on a BGR image, the best on top."""
    found = scene.detections
    if found is None:
        return
    thick = max(1, round(2 * tags.scale_of(canvas)))
    for box, score, class_id in zip(found.xyxy[::-1], found.score[::-1], found.class_id[::-1], strict=True):
        colour, name = tags.COLOURS[class_id % len(tags.COLOURS)], classes[class_id]
        x1, y1, x2, y2 = (round(float(v)) for v in box)
        cv2.rectangle(canvas, (x1, y1), (x2, y2), DARK, thick + 2)
        cv2.rectangle(canvas, (x1, y1), (x2, y2), colour, thick)
        if scene.signs is None or name != READ_ELSEWHERE:
            text = f"{name.replace('_', ' ')} {100 * score:.0f}%"
            height = tags.size(canvas, text)[1]
            tags.put(canvas, text, (x1 - thick / 2, y1 - height if y1 >= height else y1), colour)

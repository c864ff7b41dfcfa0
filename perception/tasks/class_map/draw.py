"""A tint for each class."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from perception.tasks.tags import Colour
from perception.types import VOID, LabelMap

OPACITY = 0.4


def draw(canvas: np.ndarray, found: LabelMap, colours: Sequence[Colour]) -> None:
    """Tint a BGR image in place; what was not looked at stays as it is."""
    table = np.zeros((VOID + 1, 3), np.uint8)
    table[: len(colours)] = colours
    labels = cv2.resize(found.labels, canvas.shape[1::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    tinted = cv2.addWeighted(canvas, 1 - OPACITY, table[labels], OPACITY, 0)
    cv2.copyTo(tinted, (labels != VOID).astype(np.uint8), canvas)

"""The drivable area as a tint with a clean edge."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from perception.types import ClassMap

COLOUR = (90, 205, 70)
EDGE = (120, 235, 110)
OPACITY = 0.35


def draw(canvas: np.ndarray, area: ClassMap) -> None:
    """Tint a BGR image wherever the class is not background."""
    mask = _mask(area, canvas)
    rows = np.flatnonzero(mask.any(axis=1))
    if len(rows) == 0:
        return
    part, shape = canvas[rows[0] : rows[-1] + 1], mask[rows[0] : rows[-1] + 1]
    tint = _plain(canvas.shape)[: len(part)]
    cv2.copyTo(cv2.addWeighted(part, 1 - OPACITY, tint, OPACITY, 0), shape, part)
    edges, _ = cv2.findContours(shape, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    cv2.polylines(part, edges, True, EDGE, 1, cv2.LINE_AA)


def _mask(area: ClassMap, canvas: np.ndarray) -> np.ndarray:
    """(H, W) uint8, not 0 where the area is, its corners rounded by the width of a label or two."""
    soft = cv2.blur(np.minimum(area.labels, 1) * np.uint8(255), (5, 5))
    large = cv2.resize(soft, (canvas.shape[1], canvas.shape[0]), interpolation=cv2.INTER_LINEAR)
    return (large > 127).view(np.uint8)


@lru_cache(2)
def _plain(shape: tuple[int, ...]) -> np.ndarray:
    return np.full(shape, COLOUR, np.uint8)

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
    rows = np.flatnonzero(area.labels.any(axis=1))
    if len(rows) == 0:
        return
    scale = canvas.shape[0] / area.labels.shape[0]
    first, last = int(rows[0] * scale), min(int(np.ceil((rows[-1] + 1) * scale)), canvas.shape[0])
    mask = cv2.resize(area.labels, (canvas.shape[1], canvas.shape[0]), interpolation=cv2.INTER_LINEAR)
    part, shape = canvas[first:last], mask[first:last]
    tint = _plain(canvas.shape)[first:last]
    cv2.copyTo(cv2.addWeighted(part, 1 - OPACITY, tint, OPACITY, 0), shape, part)
    edges, _ = cv2.findContours(shape, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    cv2.polylines(part, edges, True, EDGE, 1, cv2.LINE_AA)


@lru_cache(2)
def _plain(shape: tuple[int, ...]) -> np.ndarray:
    return np.full(shape, COLOUR, np.uint8)

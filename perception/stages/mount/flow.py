"""Points that can be found again, and where they are in a later picture."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np

from perception.jit import compiled

WIDTH = 640  # pixels: pictures are made smaller, by a whole number, to about that width
CELL = 16  # pixels of the picture in which points are chosen, half as wide: one point in each
MOST = 100  # points
WEAK = 0.01  # a point is as sharp as this share of the sharpest, at least
PATCH, LEVELS = (13, 13), 3  # of the Lucas-Kanade tracker


class Grey(NamedTuple):
    image: np.ndarray  # (h, w) uint8
    scale: int  # pixels of the camera's image in one of it


def grey(image: np.ndarray) -> Grey:
    """A small grey one of a BGR image."""
    h, w = image.shape[:2]
    scale = max(1, round(w / WIDTH))
    if scale > 1:
        image = cv2.resize(image, (w // scale, h // scale), interpolation=cv2.INTER_AREA)
    return Grey(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), scale)


def corners(picture: Grey, without: np.ndarray) -> np.ndarray:
    """Points (n, 2) float32, pixels of `picture`, spread over it; none in the boxes `without` (k, 4)."""
    h, w = picture.image.shape
    if min(h, w) < 2 * (CELL + 8):
        return np.empty((0, 2), np.float32)
    small = cv2.resize(picture.image, (w // 2, h // 2), interpolation=cv2.INTER_AREA)
    sharp = cv2.cornerMinEigenVal(small, 3)
    without = without[np.isfinite(without).all(1)]
    for x1, y1, x2, y2 in (without / (2 * picture.scale)).astype(int).tolist():
        sharp[max(y1 - 1, 0) : max(y2 + 2, 0), max(x1 - 1, 0) : max(x2 + 2, 0)] = 0
    at, value = _sharpest(sharp)
    strong = value > max(WEAK * value.max(initial=0.0), 1e-6)
    at, value = at[strong], value[strong]
    best = np.argsort(-value)[:MOST]
    return (at[best] * 2 + 1).astype(np.float32)


def again(before: Grey, now: Grey, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points found again: where they were and where they are, (n, 2) each, pixels of the camera's image."""
    if not len(points):
        return np.empty((0, 2)), np.empty((0, 2))
    moved, found, _ = cv2.calcOpticalFlowPyrLK(
        before.image, now.image, points[:, None], np.empty(0), winSize=PATCH, maxLevel=LEVELS
    )
    kept = found[:, 0] == 1
    return (points[kept] + 0.5) * float(before.scale), (moved[kept, 0] + 0.5) * float(now.scale)


@compiled
def _sharpest(sharp: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The place (n, 2) and value (n,) of the largest in each cell, away from the border."""
    rows, cols = (sharp.shape[0] - 8) // CELL, (sharp.shape[1] - 8) // CELL
    at, value = np.zeros((rows * cols, 2)), np.zeros(rows * cols)
    for r in range(rows):
        for c in range(cols):
            k = r * cols + c
            for i in range(4 + r * CELL, 4 + (r + 1) * CELL):
                for j in range(4 + c * CELL, 4 + (c + 1) * CELL):
                    if sharp[i, j] > value[k]:
                        value[k] = sharp[i, j]
                        at[k, 0], at[k, 1] = j, i
    return at, value

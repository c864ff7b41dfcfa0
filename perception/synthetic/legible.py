"""What can be told in a picture at all: at night and in fog less than geometry says."""

from __future__ import annotations

import cv2
import numpy as np

LEAST = 10.0  # grey levels between the darkest and brightest of a thing and what is around it
FAINT = 6.0  # grey levels a line must stand out, a few pixels to its sides


class Legible:
    """Asks a picture (H, W, 3) uint8 without noise; `noise`: deviation in grey levels that comes on top."""

    def __init__(self, image: np.ndarray, noise: float) -> None:
        self.grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        reach = max(3, image.shape[1] // 256 | 1)
        kernel = np.ones((reach, reach), np.uint8)
        self.steps = cv2.morphologyEx(self.grey, cv2.MORPH_GRADIENT, kernel)
        self.noise = noise

    def thing(self, box: np.ndarray) -> bool:
        """Whether a box (4,) holds anything but one shade."""
        h, w = self.grey.shape
        margin = 0.15 * (box[2:] - box[:2]) + 1
        x1, y1 = np.clip(box[:2] - margin, 0, (w - 1, h - 1)).astype(int)
        x2, y2 = np.clip(box[2:] + margin, (x1 + 1, y1 + 1), (w, h)).astype(int)
        low, high = np.percentile(self.grey[y1:y2, x1:x2], (2, 98))
        return bool(high - low >= LEAST + self.noise)

    def last(self, points: np.ndarray) -> int:
        """How many points (n, 2) of a line, near to far, up to the last that stands out."""
        h, w = self.grey.shape
        x, y = np.clip(points, 0, (w - 1, h - 1)).astype(int).T
        clear = np.flatnonzero(self.steps[y, x] >= FAINT + 0.5 * self.noise)
        return int(clear[-1]) + 1 if len(clear) else 0

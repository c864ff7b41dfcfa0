"""How well a map tells what matters: insertion and deletion (Petsiuk et al. 2018).

Insertion: into a blurred picture, pixels come back in the order of the map; the sooner the find is there
again, the higher the area under its score. Deletion: pixels turn grey in that order; lower is better.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from perception.convention import MEAN

STEPS = 8
BLUR = 16.0  # pixels: standard deviation; all but large objects are gone

Score = Callable[[np.ndarray], float]  # image (h, w, 3) uint8 -> 0..1


class Areas(NamedTuple):
    """Under the curves, 0 to 1."""

    insertion: float
    deletion: float


def areas(score: Score, image: np.ndarray, saliency: np.ndarray, steps: int = STEPS) -> Areas:
    """`image` (h, w, 3) uint8 as the network sees it, `saliency` (h, w).

    The steps are denser where little is shown: most finds are small. The area is over the share of pixels.
    """
    order = np.argsort(-saliency.ravel(), kind="stable")
    blurred = cv2.GaussianBlur(image, (0, 0), BLUR)
    grey = np.full_like(image, round(MEAN))
    return Areas(_area(score, blurred, image, order, steps), _area(score, image, grey, order, steps))


def _area(score: Score, begin: np.ndarray, end: np.ndarray, order: np.ndarray, steps: int) -> float:
    """Under the score while the pixels of `begin` are replaced by those of `end` in this order."""
    shares = np.linspace(0, 1, steps + 1) ** 2
    canvas, source = begin.reshape(-1, 3).copy(), end.reshape(-1, 3)
    scores, done = [], 0
    for share in shares:
        until = round(share * len(order))
        canvas[order[done:until]] = source[order[done:until]]
        done = until
        scores.append(score(canvas.reshape(begin.shape)))
    heights = np.array(scores)
    return float(((heights[1:] + heights[:-1]) / 2 * np.diff(shares)).sum())

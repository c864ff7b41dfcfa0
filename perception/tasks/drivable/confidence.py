"""How far the drivable area can be trusted, by the probabilities of its map."""

from __future__ import annotations

import numpy as np

from perception.kernels.expected import area
from perception.letterbox import Letterbox


def confidence(maps: np.ndarray, box: Letterbox, threshold: float) -> float | None:
    """The IoU that the probabilities promise: the mean of the map's own, if they are right. None: no area.

    `maps` (f * f, h, w) logits, a pixel-shuffled map, of which one part is enough. As the soft Dice
    confidence of Borges et al. 2024 (arXiv:2402.10665), for the metric of this task.
    """
    part = maps[len(maps) // 2]
    cell = box.network[0] // part.shape[1]
    (left, top), (width, height) = box.offset, box.inner
    part = part[top // cell : (top + height) // cell, left // cell : (left + width) // cell]
    inside, union = area(np.ascontiguousarray(part), threshold)
    return inside / union if inside else None

"""Logits to a class map: the run-time half of the drivable area."""

from __future__ import annotations

import numpy as np

from perception.kernels import cpu
from perception.letterbox import Letterbox


def decode(maps: np.ndarray, box: Letterbox, threshold: float) -> np.ndarray:
    """Logits (f * f, h, w), one pixel-shuffled map, to labels (h, w) uint8 of the image's part of the input.

    The logits are interpolated to network resolution before they meet `threshold`, itself a logit: the edge
    is then finer than the cells.
    """
    return box.inside(cpu.upsampled_labels(maps, threshold, box.network))

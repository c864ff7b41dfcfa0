"""D-RISE (Petsiuk et al. 2021): what a find loses under random masks. A black box, and slow: to compare with.

Every picture is seen `count` times through a random grid of open and closed cells, shifted and smooth; a
pixel's saliency is the mean score of the find over the masks, weighted by how open they are there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

from perception.convention import MEAN
from perception.explain.targets import Target, score_of
from perception.types import RawOutputs, Size

GRID = 16  # cells a side, as published
OPEN = 0.5  # share of them


def drise(
    network: Callable[[np.ndarray], RawOutputs],
    image: np.ndarray,
    targets: Sequence[Target],
    count: int,
    grid: int = GRID,
    seed: int = 0,
) -> list[np.ndarray]:
    """A map (h, w) float32 for each target, all of the same masks.

    network: image (h, w, 3) uint8 to outputs by name.
    """
    rng = np.random.default_rng(seed)
    height, width = image.shape[:2]
    sums = np.zeros((len(targets), height, width), np.float32)
    bright = image.astype(np.float32) - np.float32(MEAN)
    opened = np.zeros((height, width), np.float32)
    for _ in range(count):
        shown = mask(rng, (width, height), grid)
        raw = network((cv2.multiply(bright, cv2.merge([shown] * 3)) + np.float32(MEAN)).astype(np.uint8))
        opened += shown
        for k, target in enumerate(targets):
            sums[k] += score_of(target, raw) * shown
    return list(sums / np.maximum(opened, 1e-6))


def mask(rng: np.random.Generator, size: Size, cells: int = GRID) -> np.ndarray:
    """(h, w) float32, 0 closed to 1 open: a smooth grid at a random shift."""
    width, height = size
    cell = -(-width // cells), -(-height // cells)
    grid = (rng.random((cells + 1, cells + 1)) < OPEN).astype(np.float32)
    grown = cv2.resize(grid, ((cells + 1) * cell[0], (cells + 1) * cell[1]), interpolation=cv2.INTER_LINEAR)
    left, top = (int(rng.integers(side)) for side in cell)
    return grown[top : top + height, left : left + width]

"""Frames that show nothing: black, white or grey, noise, a covered lens, plain surfaces. Nothing is there."""

from __future__ import annotations

import cv2
import numpy as np

from perception.training.data.chosen import OURS, Chosen
from perception.training.data.sample import Boxes, Sample
from perception.types import Size

COARSEST = 24  # cells a side of what is blurred


def blank(size: Size, rng: np.random.Generator, chosen: Chosen = OURS) -> Sample:
    """A frame (width, height) of one kind or another, with the truth that it shows nothing."""
    width, height = size
    kind = rng.integers(4)
    level = rng.choice([0.0, 255.0, rng.uniform(0, 255)])
    image = np.full((height, width, 3), level, np.float32) + rng.normal(0, 4, 3)
    if kind == 1:  # blurred blobs: a hand, dirt or fog before the lens
        cells = rng.uniform(-1, 1, (int(rng.integers(2, COARSEST)), int(rng.integers(2, COARSEST)), 3))
        image += cv2.resize(cells, size, interpolation=cv2.INTER_CUBIC) * rng.uniform(5, 80)
    if kind == 2:  # noise of any grain
        grain = int(rng.integers(1, 9))
        cells = rng.normal(0, rng.uniform(4, 90), (height // grain + 1, width // grain + 1, 3))
        image += cv2.resize(cells, size, interpolation=cv2.INTER_NEAREST)
    if kind == 3:  # a gradient
        x, y = np.linspace(-1, 1, width), np.linspace(-1, 1, height)
        image += (rng.normal(0, 60) * x[None] + rng.normal(0, 60) * y[:, None])[..., None]
    nothing = np.zeros((height // 2, width // 2), np.uint8)
    pixels = np.clip(image, 0, 255).astype(np.uint8)
    return Sample(pixels, Boxes(), chosen.everything, nothing, nothing, nothing, nothing)

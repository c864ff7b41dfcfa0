"""Which images to calibrate on: a seeded draw, spread evenly over the training data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from perception.kernels.cpu import sign_crops
from perception.letterbox import Letterbox
from perception.training.data.sample import Sample
from perception.training.data.signs import Sign
from perception.types import Size


def frames(sources: Mapping[str, Sequence[Sample]], size: Size, count: int, seed: int = 0) -> np.ndarray:
    """(count, h, w, 3) uint8 letterboxed images, the same number of each data set."""
    rng = np.random.default_rng(seed)
    full = [samples for samples in sources.values() if samples]
    drawn = []
    for i in range(count):
        samples = full[i % len(full)]
        image = samples[int(rng.integers(len(samples)))].image
        drawn.append(Letterbox.fit((image.shape[1], image.shape[0]), size).apply(image))
    return np.stack(drawn)


def crops(signs: Sequence[Sign], count: int, seed: int = 0) -> np.ndarray:
    """(count, 64, 64, 3) uint8 sign crops as the network is given them."""
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(signs), count, replace=len(signs) < count)
    return np.concatenate([sign_crops(signs[row][0], signs[row][1][None]) for row in rows])

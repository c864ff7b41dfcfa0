"""Which images to calibrate on: a seeded draw, spread evenly over the training data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from perception.errors import DataError
from perception.kernels.cpu import sign_crops
from perception.letterbox import Letterbox
from perception.training.data.sample import Sample
from perception.training.data.signs import Sign
from perception.types import Size


def frames(sources: Mapping[str, Sequence[Sample]], size: Size, count: int, seed: int = 0) -> np.ndarray:
    """(count, h, w, 3) uint8 letterboxed images, the same number of each data set that is there.

    Raises DataError if there is none.
    """
    rng = np.random.default_rng(seed)
    full = [samples for samples in sources.values() if samples]
    if not full:
        raise DataError(f"expected training pictures of {', '.join(sources)} to calibrate on, found none")
    drawn = []
    for i in range(count):
        samples = full[i % len(full)]
        image = samples[int(rng.integers(len(samples)))].image
        drawn.append(Letterbox.fit((image.shape[1], image.shape[0]), size).apply(image))
    return np.stack(drawn)


def crops(signs: Sequence[Sign], count: int, seed: int = 0) -> np.ndarray:
    """(count, 64, 64, 3) uint8 sign crops as the network is given them. Raises DataError without signs."""
    if not signs:
        raise DataError("expected training sign crops (signs.csv) to calibrate on, found none")
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(signs), count, replace=len(signs) < count)
    return np.concatenate([sign_crops(signs[row][0], signs[row][1][None]) for row in rows])

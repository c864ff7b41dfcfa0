"""Noise of sensors and of transmission. Lightness counts from 0 to 1."""

from __future__ import annotations

import numpy as np

from perception.corruptions.canvas import Rng, rounded, unit


def gaussian(image: np.ndarray, deviation: float, rng: Rng) -> np.ndarray:
    """Of a sensor short of light: normal, of this standard deviation."""
    return rounded(255 * (unit(image) + deviation * rng.standard_normal(image.shape, np.float32)))


def speckle(image: np.ndarray, deviation: float, rng: Rng) -> np.ndarray:
    """Normal, in proportion to the lightness."""
    return rounded(255 * unit(image) * (1 + deviation * rng.standard_normal(image.shape, np.float32)))


def shot(image: np.ndarray, photons: float, rng: Rng) -> np.ndarray:
    """Of the light itself: Poisson, with so many photons a pixel where it is brightest."""
    return rounded(rng.poisson(unit(image) * photons) * (255 / photons))


def impulse(image: np.ndarray, share: float, rng: Rng) -> np.ndarray:
    """Salt and pepper: a share of the values lost, half of them full."""
    lot, out = rng.random(image.shape, np.float32), image.copy()
    out[lot < share / 2] = 0
    out[lot > 1 - share / 2] = 255
    return out

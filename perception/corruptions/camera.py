"""What a camera on a vehicle suffers: drops and dirt on the lens, glare, wrong exposure, lost lines."""

from __future__ import annotations

import cv2
import numpy as np

from perception.corruptions.canvas import Rng, rounded, scale, smooth, unit

WATER = np.array([0.93, 0.93, 0.69], np.float32)  # BGR
MUD = np.array([0.08, 0.16, 0.25], np.float32)
MUDDY = 0.15  # share of the picture from which on spatter is mud
SPOT = 45.0  # pixels of a picture 640 wide: how large a spot of dirt is
SPLASH = 14.0
GHOSTS = 4  # reflections between the lenses
BAND = 2  # lines that are lost together, of a picture 640 wide


def spatter(image: np.ndarray, share: float, rng: Rng) -> np.ndarray:
    """Splashes on the lens, water at first and then mud, over this share of the picture."""
    cover = _edge(smooth(image, rng, SPLASH), share, 0.03)[..., None]
    light, colour = unit(image), MUD if share > MUDDY else WATER
    opacity = cover * np.float32(0.9 if share > MUDDY else 0.6)
    return rounded(255 * (light * (1 - opacity) + colour * opacity))


def dirt(image: np.ndarray, share: float, rng: Rng) -> np.ndarray:
    """Spots on the lens, far out of focus, that hide this share of the picture; some light comes through."""
    cover = _edge(smooth(image, rng, SPOT), share, 0.15)[..., None]
    light = unit(image)
    haze = cv2.blur(light, (odd(SPOT * scale(image)),) * 2)
    return rounded(255 * (light * (1 - cover) + cover * (0.25 * haze + 0.5 * MUD)))


def glare(image: np.ndarray, strength: float, rng: Rng) -> np.ndarray:
    """The sun or a lamp in the upper half: a bright disk, a veil around it, and its reflections in a line."""
    height, width = image.shape[:2]
    sun = np.array([rng.uniform(0.15, 0.85) * width, rng.uniform(0.05, 0.45) * height])
    centre = np.array([width, height]) / 2
    y, x = np.indices((height, width), np.float32)

    def away(point: np.ndarray) -> np.ndarray:
        """In widths of the picture."""
        return np.hypot(x - np.float32(point[0]), y - np.float32(point[1])) / np.float32(width)

    far = away(sun)
    light = np.exp(-far / 0.25) + 2 * np.exp(-((far / 0.06) ** 2))
    for ghost in np.linspace(0.5, 1.8, GHOSTS):
        radius = rng.uniform(0.02, 0.05)
        light += 0.25 * (away(sun + ghost * (centre - sun)) < radius)
    colour = np.array([0.8, 0.95, 1.0], np.float32)
    return rounded(255 * (unit(image) + np.float32(strength) * light[..., None] * colour))


def exposed(image: np.ndarray, stops: float, rng: Rng) -> np.ndarray:
    """So many stops more light on the sensor, or less; what is too bright is cut off. Display gamma 2.2."""
    levels = (np.arange(256) / 255) ** 2.2 * 2.0**stops
    return np.asarray(cv2.LUT(image, rounded(255 * levels ** (1 / 2.2))))


def dropped_lines(image: np.ndarray, share: float, rng: Rng) -> np.ndarray:
    """This share of the lines, in bands, never came: they are black."""
    out, band = image.copy(), max(1, round(BAND * scale(image)))
    bands = rng.permutation(-(-len(image) // band))
    for k in bands[: max(1, round(share * len(bands)))]:
        out[k * band : (k + 1) * band] = 0
    return out


def odd(length: float) -> int:
    return int(length) | 1


def _edge(field: np.ndarray, share: float, soft: float) -> np.ndarray:
    """(h, w) float32: 1 where ranks are below the share, 0 beyond `soft` more."""
    return np.clip((share - field) / np.float32(soft) + np.float32(0.5), 0, 1)

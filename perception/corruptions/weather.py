"""Snow, frost, fog, rain and night. Lengths are pixels of a picture 640 wide, lightness is from 0 to 1."""

from __future__ import annotations

import cv2
import numpy as np

from perception.corruptions.canvas import Rng, clouds, line, rounded, scale, unit

FLAKE, FALL = 2.5, 12.0  # pixels: how large a flake is, and how far it falls meanwhile
DROP = 30.0  # pixels that a drop of rain falls meanwhile
ICE = np.array([1.0, 0.93, 0.85], np.float32)  # BGR
GRAIN = 1.7  # decay of the octaves of fog
NEEDLES = 60  # of frost
READ_NOISE = 0.03  # of an image at night


def fog(image: np.ndarray, thick: float, rng: Rng) -> np.ndarray:
    """Drifting fog, so much of it per light of the scene. The brightest stays as bright."""
    light = unit(image)
    most = max(float(light.max()), 1e-3)
    return rounded(255 * (light + thick * clouds(image, rng, GRAIN)[..., None]) * (most / (most + thick)))


def snow(image: np.ndarray, level: tuple[float, float], rng: Rng) -> np.ndarray:
    """(share that flakes cover before they fall, share of the colour that is left on a whitened scene)."""
    share, kept = level
    light = unit(image)
    grey = cv2.cvtColor(light, cv2.COLOR_BGR2GRAY)[..., None]
    white = kept * light + (1 - kept) * np.maximum(light, np.minimum(1.5 * grey + 0.5, 1))
    flakes = _falling(image, rng, share, FLAKE, FALL, rng.uniform(np.pi / 4, 3 * np.pi / 4))
    return rounded(255 * (white + 1.5 * flakes[..., None]))


def rain(image: np.ndarray, strength: float, rng: Rng) -> np.ndarray:
    """Streaks, a grey veil, and less light: the stronger, the more."""
    lean = rng.normal(np.pi / 2, 0.12)
    streaks = _falling(image, rng, 0.05 * strength, 1.0, DROP, lean)
    veil = 0.5 * strength * (0.5 + 0.5 * clouds(image, rng, 2.0)[..., None])
    light = unit(image) * (1 - 0.4 * strength)
    return rounded(255 * (light * (1 - veil) + 0.55 * veil + 2 * strength * streaks[..., None]))


def night(image: np.ndarray, stops: float, rng: Rng) -> np.ndarray:
    """So many stops less light, lifted again by gain as a camera does, with the noise that comes with it.

    Half of the stops are made up for; the noise of the photons and of the sensor is lifted with the rest.
    """
    linear = unit(image) ** np.float32(2.2) * np.float32(2.0**-stops)
    grain = rng.standard_normal(image.shape, np.float32)
    noisy = linear + grain * np.sqrt(linear / 4000 + (READ_NOISE / 32) ** 2)
    return rounded(255 * np.maximum(noisy * 2 ** (stops / 2), 0) ** np.float32(1 / 2.2))


def frost(image: np.ndarray, opacity: float, rng: Rng) -> np.ndarray:
    """Ice flowers on the glass, of this opacity where they are thickest."""
    cover = opacity * (0.3 + 0.7 * _ice(image, rng))[..., None]
    return rounded(255 * ((1 - cover) * unit(image) + cover * ICE))


def _falling(
    image: np.ndarray, rng: Rng, share: float, size: float, length: float, angle: float
) -> np.ndarray:
    """(h, w) float32 from 0 to 1: specks of `size` that fall by `length` along an angle."""
    height, width = image.shape[:2]
    cell = size * scale(image)
    cells = (max(1, round(height / cell)), max(1, round(width / cell)))
    specks = np.maximum(0, share - rng.random(cells, np.float32)) / max(share, 1e-6)
    large = cv2.resize(specks, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.filter2D(large, -1, line(length * scale(image), angle))) * np.float32(
        length / size / 4
    )


def _ice(image: np.ndarray, rng: Rng) -> np.ndarray:
    """(h, w) float32 from 0 to 1: ridges of clouds, and branched needles that grow from the edges."""
    height, width = image.shape[:2]
    layer = np.zeros((height, width), np.float32)
    for _ in range(NEEDLES):
        start, angle = rng.random(2), rng.uniform(0, 2 * np.pi)
        start[int(rng.integers(2))] = rng.beta(0.4, 0.4)
        _needle(layer, start * (width, height), angle, rng.uniform(0.1, 0.35) * min(height, width), rng)
    ridges = 1 - np.abs(2 * clouds(image, rng, 1.6) - 1)
    return np.asarray(np.clip(0.6 * ridges**2 + cv2.GaussianBlur(layer, (0, 0), 0.7 * scale(image)), 0, 1))


def _needle(layer: np.ndarray, start: np.ndarray, angle: float, length: float, rng: Rng) -> None:
    """A needle and its branches at 60 degrees, in place."""
    thick = max(1, round(layer.shape[1] / 640 * 1.5))
    branches = [(start, angle, length)]
    for place in np.linspace(0.15, 0.9, 7):
        at = start + place * length * np.array([np.cos(angle), np.sin(angle)])
        reach = (1 - place) * length * rng.uniform(0.3, 0.7)
        branches += [(at, angle + side * np.pi / 3, reach) for side in (-1, 1)]
    for at, turn, reach in branches:
        end = at + reach * np.array([np.cos(turn), np.sin(turn)])
        first, last = (np.round(point).astype(int).tolist() for point in (at, end))
        cv2.line(layer, first, last, float(rng.uniform(0.4, 0.9)), thick, cv2.LINE_AA)

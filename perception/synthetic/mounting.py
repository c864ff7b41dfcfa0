"""A drawn sign put up somewhere: on its pole, before a backdrop, in some light, worn or half hidden."""

from __future__ import annotations

import cv2
import numpy as np

from perception.synthetic.textures import SIZE as TILE
from perception.synthetic.textures import fractal

AROUND = 1.7  # side of the picture over that of the sheet
SIZES = (18, 60)  # pixels of a sheet in the picture


def mounted(
    sheet: np.ndarray, backdrop: np.ndarray, rng: np.random.Generator, wear: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """A sheet (s, s, 4) uint8, straight alpha, before `backdrop` (h, w, 3): a picture and the sign's box.

    `wear`: how often it is faded, dirty or covered.
    """
    side = int(np.exp(rng.uniform(*np.log(SIZES))))
    around = int(side * AROUND)
    ground = cv2.resize(backdrop, (around, around), interpolation=cv2.INTER_AREA).astype(np.float32)
    face = cv2.resize(_premultiplied(sheet), (side, side), interpolation=cv2.INTER_AREA)
    face = cv2.warpPerspective(face, _stance(side, around, rng), (around, around))
    share = face[..., 3:] / 255
    light, dark = _light(around, rng)
    colour = face[..., :3]
    if rng.random() < 0.5 * wear:
        colour = _worn(colour, share, rng)
    if rng.random() < 0.6:
        _pole(ground, rng)
    image = ground * dark * (1 - share) + colour * light
    if rng.random() < 0.25 * wear:
        image = _covered(image, rng)
    x, y, w, h = cv2.boundingRect((share[..., 0] > 0.5).astype(np.uint8))
    return np.clip(image, 0, 255).astype(np.uint8), np.array([x, y, x + w, y + h], np.float32)


def _premultiplied(sheet: np.ndarray) -> np.ndarray:
    out = sheet.astype(np.float32)
    out[..., :3] *= out[..., 3:] / 255
    return out


def _stance(side: int, around: int, rng: np.random.Generator) -> np.ndarray:
    """Somewhat turned away, in the middle of the picture."""
    wide, tall = side * rng.uniform(0.78, 1.0), side * rng.uniform(0.92, 1.0)
    left, top = (around - wide) / 2, (around - tall) / 2
    corners = np.array([[left, top], [left + wide, top], [left + wide, top + tall], [left, top + tall]])
    corners += rng.normal(0, 0.02 * side, (4, 2))
    source = np.array([[0, 0], [side, 0], [side, side], [0, side]], np.float32)
    return np.asarray(cv2.getPerspectiveTransform(source, corners.astype(np.float32)))


def _light(around: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Factors of the sign (h, w, 1) and of what is behind it: day, or night with or without a headlight."""
    ramp = np.linspace(-1, 1, around, dtype=np.float32)
    slope = rng.uniform(-0.2, 0.2, 2).astype(np.float32)
    light = 1 + ramp[:, None] * slope[0] + ramp[None] * slope[1]
    level, dark = rng.uniform(0.45, 1.1), rng.uniform(0.6, 1.1)
    if rng.random() < 0.2:
        dark = rng.uniform(0.05, 0.3)
        if rng.random() < 0.5:  # a headlight's spot
            spot = np.hypot(ramp[:, None] - rng.uniform(-0.5, 0.5), ramp[None] - rng.uniform(-0.5, 0.5))
            light, level = light * np.exp(-(spot**2)), rng.uniform(0.9, 1.4)
    return np.asarray(light[..., None] * np.float32(level)), float(dark)


def _noise(around: int, rng: np.random.Generator) -> np.ndarray:
    """(around, around, 1) float32 of unit variance or so."""
    step = int(rng.integers(1, 4))
    x, y = rng.integers(0, TILE - step * around + 1, 2)
    return fractal(0)[y : y + step * around : step, x : x + step * around : step, None]


def _worn(colour: np.ndarray, share: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    grey = colour.mean(-1, keepdims=True)
    faded = colour + (0.7 * grey + 60 * share - colour) * np.float32(rng.uniform(0, 0.5))
    dirt = np.clip(_noise(colour.shape[0], rng) - np.float32(rng.uniform(-0.5, 1)), 0, 1)
    return np.asarray(faded * (1 - np.float32(rng.uniform(0.1, 0.6)) * dirt))


def _pole(ground: np.ndarray, rng: np.random.Generator) -> None:
    side = ground.shape[0]
    half = max(1, round(side * rng.uniform(0.02, 0.06)))
    middle = side // 2 + int(rng.integers(-2, 3))
    ground[side // 2 :, middle - half : middle + half] = rng.uniform(50, 190)


def _covered(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Snow from above or leaves from a side, over about a fifth of the picture."""
    ramp = np.linspace(-1, 1, image.shape[0], dtype=np.float32)
    snow = rng.random() < 0.5
    side = -ramp[:, None] if snow else (ramp[None] if rng.random() < 0.5 else -ramp[None])
    over = np.clip(4 * (side[..., None] + 0.3 * _noise(image.shape[0], rng) - rng.uniform(0.5, 1.0)), 0, 1)
    matter = np.array([235, 232, 228]) if snow else np.array([40, 85, 60]) * rng.uniform(0.4, 1.4)
    matter = matter + 25 * _noise(image.shape[0], rng)
    return np.asarray(image + (matter - image) * over)

"""Photometric augmentation: day turned to night.

At night the sky is black and the road is the brightest thing there is: own headlights and street lamps light
it, mostly in a warm colour. Vehicles are two lamps and little else.
"""

from __future__ import annotations

import cv2
import numpy as np

Rng = np.random.Generator
HORIZON = 0.45  # of the image's height: light and fog depend on how far things are
MOST = 0.012  # of the image's width: the radius of a lamp
SMALLEST = 5.0  # pixels: the width of a vehicle whose lamps can be told apart
RED, WHITE = (50.0, 60.0, 255.0), (255.0, 250.0, 235.0)  # BGR


def dark(image: np.ndarray, rng: Rng, vehicles: np.ndarray | None = None) -> np.ndarray:
    """A BGR image (h, w, 3) uint8 at night. `vehicles` (n, 4): boxes of those that have their lamps on."""
    height, width = image.shape[:2]
    horizon = HORIZON + rng.uniform(-0.1, 0.1)
    light = _light((height, width), horizon, rng)[..., None] * _colour(rng)
    road = float(cv2.mean(image[height // 2 :])[1])
    light *= np.float32(np.clip(rng.uniform(90, 170) / max(road, 1), 0.7, 3))  # as exposed for the road
    level = np.linspace(0, 1, 256) ** rng.uniform(0.9, 1.6)  # what is bright stays so, the rest sinks
    lit = cv2.LUT(image, np.repeat(255 * level[None, :, None], 3, 2).astype(np.float32)) * light
    lit *= 1 - _sky(image, horizon)[..., None]
    lit += _lamps((height, width), horizon, vehicles, rng)
    return np.clip(lit, 0, 255).astype(np.uint8)


def _light(shape: tuple[int, int], horizon: float, rng: Rng) -> np.ndarray:
    """(h, w) float32: how much light falls on things. The rest of dusk, own headlights, street lamps."""
    y = np.linspace(0, 1, shape[0], dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, shape[1], dtype=np.float32) - np.float32(rng.uniform(-0.25, 0.25))
    below = np.clip((y - horizon) / (1 - horizon), 0, 1)  # 0 at the horizon, 1 at the lower edge
    light = np.full(shape, np.exp(rng.uniform(np.log(0.03), np.log(0.35))), np.float32)
    if rng.random() < 0.85:
        near = (below - rng.uniform(0.1, 0.6)) / rng.uniform(0.25, 0.7)
        wide = x / (rng.uniform(0.5, 1.4) * (0.35 + below))
        light += rng.uniform(0.3, 1.0) * np.exp(-(near**2) - wide**2) * np.minimum(1, 6 * below)
    if rng.random() < 0.65:
        light += rng.uniform(0.1, 0.7) * below ** rng.uniform(0.2, 1.0)
    return light


def _colour(rng: Rng) -> np.ndarray:
    """(3,) float32: sodium lamps two times of three, else what a camera makes of white light."""
    if rng.random() < 0.35:
        return np.exp(rng.normal(0, 0.12, 3)).astype(np.float32)
    blue, green = np.exp(-rng.uniform(0.2, 1.6)), np.exp(-rng.uniform(0.02, 0.4))
    return np.array([blue, green, 1], np.float32)


def _sky(image: np.ndarray, horizon: float) -> np.ndarray:
    """(h, w) float32: how much of a pixel is sky, which is bright by day and above the horizon."""
    y = np.linspace(0, 1, image.shape[0], dtype=np.float32)[:, None]
    above = np.clip((horizon + 0.12 - y) / 0.12, 0, 1)
    bright = np.clip((cv2.blur(image[..., 0], (5, 5)) / np.float32(255) - 0.35) / 0.3, 0, 1)
    return np.asarray(above * bright * np.float32(0.97))


def _lamps(shape: tuple[int, int], horizon: float, vehicles: np.ndarray | None, rng: Rng) -> np.ndarray:
    """(h, w, 3) float32 to add: street lamps, lights far away and those of vehicles, with their halos."""
    points = np.zeros((*shape, 3), np.float32)
    for _ in range(int(rng.integers(0, 7))):
        at = rng.uniform(0, shape[1]), rng.uniform(0, max(0.05, horizon)) * shape[0]
        _spot(points, at, rng.uniform(0.8, 5), (rng.uniform(40, 255), rng.uniform(150, 245), 255.0))
    for _ in range(int(rng.integers(0, 9))):
        at = rng.normal(0.5, 0.12) * shape[1], rng.normal(horizon, 0.015) * shape[0]
        _spot(points, at, rng.uniform(0.5, 1.6), RED if rng.random() < 0.4 else WHITE)
    for box in () if vehicles is None else vehicles:
        if box[2] - box[0] >= SMALLEST and rng.random() < 0.75:
            _of_vehicle(points, box, rng)
    halo = cv2.GaussianBlur(cv2.resize(points, (shape[1] // 4 + 1, shape[0] // 4 + 1)), (0, 0), 4.0)
    return np.asarray(points + rng.uniform(1, 6) * cv2.resize(halo, shape[::-1]))


def _of_vehicle(points: np.ndarray, box: np.ndarray, rng: Rng) -> None:
    """Its rear lamps, or its headlights, which dazzle."""
    width, height = box[2] - box[0], box[3] - box[1]
    front = rng.random() < 0.35
    y, inset = box[1] + rng.uniform(0.45, 0.7) * height, rng.uniform(0.08, 0.2) * width
    radius = min(
        MOST * points.shape[1], width * (rng.uniform(0.05, 0.14) if front else rng.uniform(0.03, 0.08))
    )
    for x in (box[0] + inset, box[2] - inset):
        _spot(points, (x, y), max(0.6, radius), WHITE if front else RED)


def _spot(points: np.ndarray, at: tuple[float, float], radius: float, colour: tuple[float, ...]) -> None:
    """A disc with a soft edge; `at` and `radius` in pixels."""
    centre, r = (int(16 * at[0]), int(16 * at[1])), max(1, int(16 * radius))
    cv2.circle(points, centre, r, colour, -1, cv2.LINE_8, 4)

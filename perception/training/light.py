"""Photometric augmentation: exposure, colour, blur, noise, compression, fog, rain and dirt. Night: night.py.

What a frame shows stays where it is; what it looks like changes. Each function takes a BGR image (h, w, 3)
uint8 and gives another of the same size.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np

from perception.training.night import HORIZON, dark

Rng = np.random.Generator
Changes = tuple[tuple[float, Callable[[np.ndarray, Rng], np.ndarray]], ...]  # chance, what; in this order


def under_another_light(image: np.ndarray, rng: Rng, vehicles: np.ndarray | None = None) -> np.ndarray:
    """Another exposure for most frames; for some, weather, night, and what a lens, a sensor and a codec add.

    `vehicles` (n, 4): boxes, in pixels, of those that have their lamps on at night.
    """
    if rng.random() < 0.85:
        image = exposed(image, rng)
    image = _some(AIR, image, rng)
    if rng.random() < NIGHT:
        image = dark(image, rng, vehicles)
        image = grainy(image, rng) if rng.random() < 0.6 else image
    return _some(CAMERA, image, rng)


def _some(changes: Changes, image: np.ndarray, rng: Rng) -> np.ndarray:
    for chance, change in changes:
        if rng.random() < chance:
            image = change(image, rng)
    return image


def exposed(image: np.ndarray, rng: Rng) -> np.ndarray:
    """Gamma, brightness, contrast and colour of the light, in one table a channel; then saturation."""
    level = np.linspace(0, 1, 256) ** np.exp(rng.uniform(-0.55, 0.55))
    level = (level - 0.5) * np.exp(rng.uniform(-0.5, 0.4)) + 0.5 + rng.uniform(-0.15, 0.15)
    gains = np.exp(rng.uniform(-0.4, 0.3) + rng.normal(0, 0.06, 3))
    lit = cv2.LUT(image, _table(level[:, None] * gains))
    if rng.random() < 0.5:
        lit = saturated(lit, float(rng.uniform(0, 1.5) if rng.random() < 0.9 else 0.0))
    return np.asarray(lit)


def _table(levels: np.ndarray) -> np.ndarray:
    """(256, 3) levels of 0..1 as a table for `cv2.LUT`."""
    return np.clip(255 * levels, 0, 255).astype(np.uint8)[None]


def saturated(image: np.ndarray, amount: float) -> np.ndarray:
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return np.asarray(cv2.addWeighted(image, amount, grey, 1 - amount, 0))


def hue_shifted(image: np.ndarray, rng: Rng) -> np.ndarray:
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(np.int16) + int(rng.integers(-8, 9))) % 180
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2BGR))


def blurred(image: np.ndarray, rng: Rng) -> np.ndarray:
    """Out of focus, or moved: along a line of up to 9 pixels."""
    if rng.random() < 0.5:
        return np.asarray(cv2.GaussianBlur(image, (0, 0), float(rng.uniform(0.4, 1.8))))
    length, angle = int(rng.integers(3, 10)), rng.uniform(0, np.pi)
    kernel = np.zeros((length, length), np.float32)
    reach = (length - 1) / 2 * np.array([np.cos(angle), np.sin(angle)])
    begin, end = (np.round((length - 1) / 2 + side * reach).astype(int) for side in (-1, 1))
    cv2.line(kernel, tuple(begin.tolist()), tuple(end.tolist()), 1.0)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()))


def compressed(image: np.ndarray, rng: Rng) -> np.ndarray:
    """Through JPEG of a quality of 20 to 80."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(20, 81))]
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR))


@lru_cache(1)
def _grain() -> np.ndarray:
    """(2^21,) int16 of a standard deviation of 64: to draw it anew would take longer than the image."""
    return np.round(np.random.default_rng(0).normal(size=2**21) * 64).astype(np.int16)


def grainy(image: np.ndarray, rng: Rng) -> np.ndarray:
    """Noise of a sensor short of light; every second time in blotches, as after noise reduction."""
    start = int(rng.integers(max(1, len(_grain()) - image.size)))
    grain = np.resize(_grain()[start : start + image.size], image.shape)
    if rng.random() < 0.5:
        grain = cv2.blur(grain, (3, 3)) * 2
    strength = rng.uniform(2, 12) / 64
    return np.asarray(cv2.add(image, (grain * np.float32(strength)).astype(np.int16), dtype=cv2.CV_8U))


def foggy(image: np.ndarray, rng: Rng) -> np.ndarray:
    """Fog thickens with distance, which grows towards the horizon (Koschmieder 1924)."""
    height = image.shape[0]
    horizon = height * (HORIZON + rng.uniform(-0.08, 0.08))
    below = np.maximum(np.arange(height) - horizon, height * 0.02)
    clear = np.exp(-rng.uniform(0.02, 0.5) * height / below / 6).astype(np.float32)
    air = rng.uniform(90, 235) + rng.normal(0, 6, 3)
    share = clear[:, None, None]
    return np.asarray(np.clip(image * share + air * (1 - share), 0, 255).astype(np.uint8))


def streaked(image: np.ndarray, rng: Rng) -> np.ndarray:
    """Rain streaks or snow flakes before everything, and less contrast."""
    height, width = image.shape[:2]
    layer = np.zeros((height, width), np.uint8)
    snow, lean = rng.random() < 0.4, rng.normal(0, 0.15)
    for x, y in zip(rng.integers(0, width, 120), rng.integers(0, height, 120), strict=True):
        if snow:
            cv2.circle(layer, (int(x), int(y)), int(rng.integers(1, 3)), int(rng.integers(90, 230)), -1)
        else:
            length = int(rng.integers(6, 26))
            end = (int(x + lean * length), int(y + length))
            cv2.line(layer, (int(x), int(y)), end, int(rng.integers(30, 110)), 1, cv2.LINE_AA)
    flat = cv2.addWeighted(image, rng.uniform(0.65, 1.0), np.full_like(image, 140), rng.uniform(0, 0.25), 0)
    return np.asarray(cv2.add(flat, cv2.cvtColor(cv2.GaussianBlur(layer, (3, 3), 0), cv2.COLOR_GRAY2BGR)))


def spotted(image: np.ndarray, rng: Rng) -> np.ndarray:
    """Drops or dirt on the windscreen: places where the picture is blurred, bent, darker or brighter."""
    height, width = image.shape[:2]
    mask = np.zeros((height // 2, width // 2), np.uint8)
    for _ in range(int(rng.integers(5, 60))):
        at = (int(rng.integers(mask.shape[1])), int(rng.integers(mask.shape[0])))
        axes = (int(rng.integers(1, 9)), int(rng.integers(1, 9)))
        cv2.ellipse(mask, at, axes, float(rng.uniform(0, 180)), 0, 360, int(rng.integers(90, 256)), -1)
    share = cv2.resize(cv2.GaussianBlur(mask, (5, 5), 0), (width, height)) / np.float32(255)
    seen = cv2.blur(image, (int(width * 0.03) | 1, int(height * 0.06) | 1))
    if rng.random() < 0.5:
        seen = cv2.flip(seen, 0)  # a drop turns the world upside down
    other = np.clip(seen * rng.uniform(0.6, 1.2) + rng.uniform(-20, 30), 0, 255).astype(np.uint8)
    return np.asarray(cv2.blendLinear(image, other, 1 - share, share))


def hazed(image: np.ndarray, rng: Rng) -> np.ndarray:
    """Sun or lamps on the windscreen: a bright veil from one side, or a flare around a point."""
    height, width = image.shape[:2]
    at = (rng.uniform(-0.1, 1.1) * width, rng.uniform(-0.2, 0.6) * height)
    y, x = np.mgrid[0:height:8, 0:width:8].astype(np.float32)
    reach = rng.uniform(0.15, 0.7) * width
    veil = np.exp(-(((x - at[0]) ** 2 + (y - at[1]) ** 2) ** 0.5) / reach) * rng.uniform(60, 220)
    colour = np.array([rng.uniform(0.7, 1), rng.uniform(0.85, 1), 1], np.float32)
    light = cv2.resize(veil, (width, height))[..., None] * colour
    return np.asarray(np.clip(image + light, 0, 255).astype(np.uint8))


def stamped(image: np.ndarray, rng: Rng) -> np.ndarray:
    """A recorder's date, speed and name, along the lower or upper edge."""
    height, width = image.shape[:2]
    image = image.copy()
    text = "".join(rng.choice(list("0123456789:/-. ABCDEGKMNPRSTkmh"), int(rng.integers(8, 34))))
    scale = rng.uniform(0.3, 0.8) * width / 640
    y = int(height * (rng.uniform(0.9, 0.985) if rng.random() < 0.75 else rng.uniform(0.04, 0.1)))
    colour = (255, 255, 255) if rng.random() < 0.7 else tuple(rng.integers(0, 256, 3).tolist())
    at = (int(rng.uniform(0, 0.55) * width), y)
    if rng.random() < 0.4:
        cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), 3, cv2.LINE_AA)
    cv2.putText(image, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)
    return image


NIGHT = 0.2  # share of frames
AIR: Changes = ((0.10, hue_shifted), (0.05, foggy))
CAMERA: Changes = (
    (0.05, streaked),
    (0.05, spotted),
    (0.06, hazed),
    (0.15, blurred),
    (0.12, grainy),
    (0.06, stamped),
    (0.15, compressed),
)


def relight(image: np.ndarray, rng: Rng) -> np.ndarray:
    """Contrast, brightness, gamma and colour cast of a small image, and sensor noise."""
    level = np.linspace(0, 1, 256) ** np.exp(rng.uniform(-0.5, 0.5))
    level = (level - 0.5) * np.exp(rng.uniform(-0.5, 0.3)) + 0.5 + rng.uniform(-0.12, 0.12)
    lit = cv2.LUT(image, _table(level[:, None] * np.exp(rng.normal(0, 0.08, 3))))
    if rng.random() < 0.3:
        lit = np.clip(lit + rng.normal(0, rng.uniform(2, 10), lit.shape), 0, 255).astype(np.uint8)
    return np.asarray(lit)

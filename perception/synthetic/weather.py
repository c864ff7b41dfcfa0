"""Fog, rain, snowfall and what is on the glass, as functions of a picture, rendered or photographed.

`depth` (H, W) float32, metres, where it is known; a plain road is supposed otherwise.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from perception.synthetic.textures import fractal

Effect = Callable[[np.ndarray, np.random.Generator, np.ndarray | None], np.ndarray]


def fog(image: np.ndarray, rng: np.random.Generator, depth: np.ndarray | None = None) -> np.ndarray:
    """Haze of the colour of the sky low down, so thick that one sees 40 to 400 metres."""
    h, w = image.shape[:2]
    away = _plain_road(rng, h, w) if depth is None else depth
    band = image[int(0.3 * h) : int(0.5 * h)].reshape(-1, 3)
    bright = np.percentile(band[::7], 80, axis=0)
    colour = (bright * 0.5 + bright.mean() * 0.5) * rng.uniform(0.9, 1.08)
    reach = 10 ** rng.uniform(1.6, 2.6)
    noise = cv2.resize(fractal(3, 1.7)[:128, :128], (w, h))
    share = 1 - np.exp(-3.0 / reach * np.minimum(away, 900.0) * np.exp(0.15 * noise))
    mix = np.minimum(share, 0.985).astype(np.float32)[..., None]
    return np.asarray(np.clip(image + mix * (colour - image), 0, 255).astype(np.uint8))


def rain(image: np.ndarray, rng: np.random.Generator, depth: np.ndarray | None = None) -> np.ndarray:
    """Grey air and falling streaks."""
    h, w = image.shape[:2]
    streaks = np.zeros((h, w), np.uint8)
    slant, scale = rng.normal(0, 0.12), w / 1280
    for size, count in ((1, 500), (2, 60)):
        n = int(count * rng.uniform(0.1, 1.2))
        x, y = rng.uniform(-0.1, 1.1, n) * w, rng.uniform(-0.1, 1, n) * h
        long = rng.uniform(8, 34, n) * size * scale
        for a, b, c in zip(x, y, long, strict=True):
            ends = (int(a * 8), int(b * 8)), (int((a + slant * c) * 8), int((b + c) * 8))
            cv2.line(streaks, *ends, int(rng.integers(14, 60)), max(1, round(size * scale)), cv2.LINE_AA, 3)
    share = np.float32(1 / 255) * streaks[..., None]
    light = np.float32(image.mean() * 0.7 + 70)
    return np.asarray((image + share * (light - image).clip(0)).astype(np.uint8))


def flakes(image: np.ndarray, rng: np.random.Generator, depth: np.ndarray | None = None) -> np.ndarray:
    """Snowflakes, the near ones large and blurred by their speed."""
    h, w = image.shape[:2]
    sheet, scale = np.zeros((h, w), np.uint8), w / 1280
    slant = rng.normal(0, 0.6)
    for size, count in ((1.2, 900), (2.5, 200), (6, 24)):
        for _ in range(int(count * rng.uniform(0.1, 1.0))):
            x, y, r = rng.uniform(0, w), rng.uniform(0, h), size * scale * rng.uniform(0.6, 1.5)
            axes = (max(4, int(r * 8)), max(4, int(r * 8 * rng.uniform(1, 2.2))))
            tone = int(rng.integers(60, 230) / (1 + size / 4))
            angle = float(np.degrees(slant))
            outline = cv2.ellipse2Poly((int(x * 8), int(y * 8)), axes, int(angle), 0, 360, 45)
            points = np.array(outline, np.int32)
            cv2.fillConvexPoly(sheet, points, tone, cv2.LINE_AA, 3)
    soft = cv2.GaussianBlur(sheet, (0, 0), 0.9 * max(scale, 0.5)).astype(np.float32)[..., None] / 255
    light = np.float32(min(255.0, image.mean() * 0.9 + 90))
    return np.asarray((image + soft * (light - image).clip(0)).astype(np.uint8))


def drops(image: np.ndarray, rng: np.random.Generator, depth: np.ndarray | None = None) -> np.ndarray:
    """Drops on the windscreen: each shows its surroundings upside down, small and out of focus."""
    h, w = image.shape[:2]
    out = image.copy()
    for _ in range(int(10 ** rng.uniform(1.2, 2.6))):
        r = w * 0.0035 * np.exp(min(rng.exponential(0.5), 2.0))
        size = (max(3, int(2 * r)), max(3, int(2 * r * rng.uniform(0.7, 1.6))))
        x, y = int(rng.uniform(0, w - size[0])), int(rng.uniform(0, h - size[1]))
        if size[0] >= w or size[1] >= h:
            continue
        y1, x1 = max(0, y - 5 * size[1]), max(0, x - 5 * size[0])
        around = image[y1 : y + 6 * size[1] : 2, x1 : x + 6 * size[0] : 2]
        seen = cv2.resize(around, size, interpolation=cv2.INTER_AREA)[::-1, ::-1].astype(np.float32)
        v, u = np.mgrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j].astype(np.float32)
        away = u * u + v * v
        seen *= (0.75 + 0.35 * v - 0.25 * away * (v < 0))[..., None]
        share = np.clip((1.0 - away) * rng.uniform(1.5, 4), 0, rng.uniform(0.5, 1))[..., None]
        patch = out[y : y + size[1], x : x + size[0]]
        patch[:] = np.clip(patch * (1 - share) + seen * share, 0, 255)
    return out


def dirt(image: np.ndarray, rng: np.random.Generator, depth: np.ndarray | None = None) -> np.ndarray:
    """A dusty windscreen: a veil with the arcs of the wiper, and specks out of focus."""
    h, w = image.shape[:2]
    noise = cv2.resize(fractal(int(rng.integers(4)), 1.2)[:256, :256], (w, h))
    veil = np.clip(rng.uniform(0.02, 0.2) * (1 + 0.6 * noise), 0, 0.5).astype(np.float32)
    if rng.random() < 0.5:  # wiped inside an arc
        wiped = np.full((h, w), 255, np.uint8)
        middle = (int(rng.uniform(0.2, 0.8) * w), int(1.1 * h))
        cv2.circle(wiped, middle, int(rng.uniform(0.6, 1.1) * h), 70, -1, cv2.LINE_AA)
        veil *= cv2.blur(wiped, (w // 60 | 1, w // 60 | 1)).astype(np.float32) / 255
    specks = np.zeros((h, w), np.uint8)
    for _ in range(int(rng.integers(0, 60))):
        at = (int(rng.uniform(0, w)), int(rng.uniform(0, h)))
        r = max(1, int(w * 0.003 * np.exp(rng.exponential(0.6))))
        cv2.circle(specks, at, r, int(rng.integers(30, 150)), -1)
    share = veil + cv2.blur(specks, (w // 160 | 1, w // 160 | 1)).astype(np.float32) / 255
    tone = image.mean((0, 1)) * rng.uniform(0.5, 1.5) + rng.uniform(0, 30)
    mix = np.minimum(share, 0.9)[..., None]
    return np.asarray(np.clip(image * (1 - mix) + tone * mix, 0, 255).astype(np.uint8))


def flare(
    image: np.ndarray,
    rng: np.random.Generator,
    depth: np.ndarray | None = None,
    at: tuple[float, float] | None = None,
) -> np.ndarray:
    """A bright light in or near the picture: its glare, a veil over all, ghosts across. `at`: pixels."""
    h, w = image.shape[:2]
    x0, y0 = at or (rng.uniform(-0.1, 1.1) * w, rng.uniform(-0.1, 0.42) * h)
    y, x = np.mgrid[0:h:8, 0:w:8].astype(np.float32)
    away = np.hypot(x - x0, y - y0) / w
    power = rng.uniform(0.4, 1.0)
    glare = power * (400 * np.exp(-away / 0.025) + 130 * np.exp(-away / 0.12) + 50 * np.exp(-away / 0.5))
    turn = np.arctan2(y - y0, x - x0)
    rays = np.cos(turn * int(rng.integers(3, 9)) + rng.uniform(0, 6)) ** 8 + 0.5 * np.cos(turn * 17) ** 16
    glare *= 1 + rng.uniform(0, 0.5) * rays
    light = cv2.resize(glare, (w, h), interpolation=cv2.INTER_LINEAR)[..., None] * np.array(
        (0.8, 0.93, 1.0), np.float32
    )
    for _ in range(int(rng.integers(0, 5))):
        share = rng.uniform(0.5, 2.0)
        spot = (int(x0 + (w / 2 - x0) * share), int(y0 + (h / 2 - y0) * share))
        ghost = np.zeros((h, w), np.uint8)
        cv2.circle(
            ghost, spot, max(2, int(w * rng.uniform(0.005, 0.05))), int(rng.integers(6, 40)), -1, cv2.LINE_AA
        )
        light += ghost[..., None] * rng.uniform(0.3, 1, 3).astype(np.float32)
    return np.asarray(np.clip(image * np.float32(1 - 0.25 * power) + light, 0, 255).astype(np.uint8))


EFFECTS: dict[str, Effect] = {
    "fog": fog,
    "rain": rain,
    "flakes": flakes,
    "drops": drops,
    "dirt": dirt,
    "flare": flare,
}


def _plain_road(rng: np.random.Generator, h: int, w: int) -> np.ndarray:
    """(h, 1) metres: a plane below a horizon, and things about 80 m away above it."""
    horizon = h * rng.uniform(0.38, 0.52)
    below = np.maximum(np.arange(h) - horizon, 1e-3)
    return np.asarray(np.minimum(1.3 * w * 0.8 / below, 80 + np.maximum(-below, 0)), np.float32)[:, None]

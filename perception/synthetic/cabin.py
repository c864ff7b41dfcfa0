"""What a camera behind the windscreen sees of the cabin: dashboards, wipers, pillars, mirrors, holders.

All paint over `image` (h, w, 3) and `alpha` (h, w), uint8, in place; `light` is a factor on their colours.
"""

from __future__ import annotations

import cv2
import numpy as np

_TRIMS = ((24, 24, 24), (40, 40, 42), (60, 60, 62), (14, 13, 13), (70, 84, 96), (120, 140, 152), (48, 44, 40))


def dashboard(
    image: np.ndarray, alpha: np.ndarray, rng: np.random.Generator, light: float, low: float
) -> None:
    """`low`: factor on its height. Its upper side often shines through the windscreen as a veil above it."""
    h, w = alpha.shape
    x = np.linspace(-1, 1, w) - rng.normal(0, 0.3)
    rise = (0.04 + 0.3 * rng.beta(1.2, 2.2)) * low
    edge = 1 - rise + rise * rng.uniform(-0.05, 0.45) * np.abs(x) ** rng.uniform(1.5, 4)
    edge += rng.normal(0, 0.1) * rise * x
    if rng.random() < 0.3:  # the hood over the instruments
        edge -= rng.uniform(0.2, 0.7) * rise * np.exp(-(((x - rng.uniform(-0.8, 0.8)) / 0.28) ** 4))
    edge = np.maximum(edge, 0.6) * h
    trim = np.array(_TRIMS[rng.integers(len(_TRIMS))]) * rng.uniform(0.6, 1.4) * max(light, 0.12)
    _veil(image, alpha, rng, edge, trim)
    top = int(np.clip(edge.min() - 2, 0, h - 1))
    patch, y = image[top:], np.arange(top, h, dtype=np.float32)[:, None]
    depth = (y - edge[None].astype(np.float32)) / max(1, h - top)
    tone = 1 + np.float32(rng.uniform(-0.3, 0.5)) * depth
    shine = np.float32(rng.uniform(0, 60) * light) * np.exp(
        -((depth / np.float32(rng.uniform(0.05, 0.3))) ** 2)
    )
    coarse = rng.standard_normal(((h - top) // 2 + 1, w // 2 + 1), np.float32) * np.float32(rng.uniform(1, 5))
    shine = shine + cv2.resize(coarse, (w, h - top), interpolation=cv2.INTER_NEAREST)
    share = np.clip((depth * (h - top) + 0.7) * 255 / 1.4, 0, 255).astype(np.uint8)
    body = np.clip(tone[..., None] * trim.astype(np.float32) + shine[..., None], 0, 255).astype(np.uint8)
    np.copyto(patch, body, where=share[..., None] > 0)
    np.maximum(alpha[top:], share, out=alpha[top:])
    _fittings(image, rng, edge, trim, light)


def _veil(
    image: np.ndarray, alpha: np.ndarray, rng: np.random.Generator, edge: np.ndarray, trim: np.ndarray
) -> None:
    """A faint reflection in the glass above the dashboard: the picture shows through it."""
    h, w = alpha.shape
    if rng.random() > 0.4:
        return
    first, last = int(edge.min() * rng.uniform(0.55, 0.9)), int(min(edge.max() + 2, h))
    veil = np.zeros((max(last - first, 1), w), np.uint8)
    for _ in range(int(rng.integers(1, 5))):
        x, y = rng.uniform(0, w, 2), rng.uniform(0, len(veil), 2)
        cv2.rectangle(veil, (int(x[0]), int(y[0])), (int(x[1]), int(y[1])), int(rng.integers(15, 75)), -1)
    soft = cv2.blur(veil, (w // 40 * 2 + 1, h // 60 * 2 + 1))
    free = alpha[first:last] == 0
    tone = np.clip(trim * 1.5 + rng.uniform(20, 120), 0, 255).astype(np.uint8)
    np.copyto(image[first:last], tone, where=free[..., None])
    np.copyto(alpha[first:last], soft, where=free)


def _fittings(
    image: np.ndarray, rng: np.random.Generator, edge: np.ndarray, trim: np.ndarray, light: float
) -> None:
    """Air vents, gaps, papers and the rim of the glass."""
    h, w = image.shape[:2]
    x = np.arange(0, w, max(1, w // 48))
    dark, pale = np.clip(trim * 0.35, 0, 255), np.clip(trim * 1.6 + 25 * light, 0, 255)
    for _ in range(int(rng.integers(0, 4))):
        away, thick = rng.uniform(0, 1) ** 2 * (h - edge.min()), max(1, int(w * rng.uniform(0.001, 0.008)))
        points = np.round(np.stack([x, edge[x] + away], -1)).astype(np.int32)
        cv2.polylines(
            image, [points], False, (dark if rng.random() < 0.7 else pale).tolist(), thick, cv2.LINE_AA
        )
    for _ in range(int(rng.integers(0, 3))):
        column = int(rng.integers(0, w))
        row = int(edge[column] + rng.uniform(0.15, 0.9) * (h - edge[column]))
        size = (int(w * rng.uniform(0.03, 0.12)), int(max(2.0, (h - edge[column]) * rng.uniform(0.05, 0.2))))
        if row - size[1] > edge[max(0, column - size[0]) : column + size[0]].max():
            tone = dark if rng.random() < 0.7 else np.full(3, rng.uniform(120, 250) * light)
            cv2.ellipse(
                image, (column, row), size, rng.uniform(-8, 8), 0, 360, tone.tolist(), -1, cv2.LINE_AA
            )


def wipers(image: np.ndarray, alpha: np.ndarray, rng: np.random.Generator, light: float) -> None:
    """One or two arms at rest along the lower edge; seldom one on its way across the glass."""
    h, w = alpha.shape
    bottom = h - int(alpha[h // 2 :, w // 2].astype(bool).sum())  # where bonnet or dashboard begins
    for _ in range(int(rng.integers(1, 3))):
        thick = max(1, round(w * rng.uniform(0.004, 0.014)))
        start = np.array([rng.uniform(-0.1, 0.9) * w, bottom + rng.uniform(0.0, 0.06) * h])
        angle = rng.normal(0, 0.1) if rng.random() < 0.9 else rng.uniform(0.3, 1.3)
        reach = rng.uniform(0.25, 0.7) * w
        t = np.linspace(0, 1, 8)[:, None]
        ahead = np.array([np.cos(angle), -np.sin(angle)]) * reach
        bow = np.array([0, -rng.uniform(0, 0.05) * reach]) * 4 * t * (1 - t)
        points = [np.round(start + ahead * t + bow).astype(np.int32)]
        tone = np.full(3, rng.uniform(8, 50) * light)
        cv2.polylines(image, points, False, tone.tolist(), thick, cv2.LINE_AA)
        cv2.polylines(alpha, points, False, 255, thick, cv2.LINE_AA)


def pillar(image: np.ndarray, alpha: np.ndarray, rng: np.random.Generator, light: float) -> None:
    """An A-pillar down one side, leaning inwards at the top, or the rounded corner of the glass."""
    h, w = alpha.shape
    low, high = rng.uniform(0.0, 0.08), rng.uniform(0.03, 0.18)
    x = np.array([low, low * 0.7 + high * 0.3, high]) * w
    corners = np.array([(0, h), (x[0], h), (x[1], h * 0.45), (x[2], 0), (0, 0)])
    if rng.random() < 0.5:
        corners[:, 0] = w - 1 - corners[:, 0]
    tone = np.array(_TRIMS[rng.integers(len(_TRIMS))]) * rng.uniform(0.3, 1.2) * light
    _solid(image, alpha, corners, tone)


def mirror(image: np.ndarray, alpha: np.ndarray, rng: np.random.Generator, light: float) -> None:
    """The inner mirror, or the camera's own housing, at the top."""
    h, w = alpha.shape
    x, half = rng.uniform(0.2, 0.8) * w, rng.uniform(0.06, 0.2) * w
    tall = rng.uniform(0.04, 0.16) * h
    corners = np.array([(-1.0, 0), (-1, 0.7), (-0.9, 1), (0.9, 1), (1, 0.7), (1, 0)]) * (half, tall) + (x, -1)
    _solid(image, alpha, corners, np.full(3, rng.uniform(8, 40) * light))
    if rng.random() < 0.6:
        inner = (corners - (x, 0)) * (0.9, 0.84) + (x, 0)
        _solid(image, alpha, inner, rng.uniform(20, 150, 3) * light)


def holder(image: np.ndarray, alpha: np.ndarray, rng: np.random.Generator, light: float) -> None:
    """A phone or navigation device on its arm, at the lower edge."""
    h, w = alpha.shape
    wide, tall = rng.uniform(0.06, 0.16) * w, rng.uniform(0.12, 0.32) * h
    x, top = rng.uniform(0, w), h - tall * rng.uniform(0.4, 1.1)
    lean = rng.normal(0, 0.06) * wide
    box = np.array([(x + lean, top), (x + wide + lean, top), (x + wide, top + tall), (x, top + tall)])
    _solid(image, alpha, box, np.full(3, rng.uniform(6, 30) * light))
    middle = box.mean(0)
    if rng.random() < 0.5:
        _solid(image, alpha, middle + (box - middle) * 0.88, rng.uniform(20, 220, 3) * max(light, 0.4))


def _solid(image: np.ndarray, alpha: np.ndarray, corners: np.ndarray, tone: np.ndarray) -> None:
    points = np.round(corners * 8).astype(np.int32)
    cv2.fillPoly(image, [points], np.clip(tone, 0, 255).tolist(), cv2.LINE_AA, 3)
    cv2.fillPoly(alpha, [points], 255, cv2.LINE_AA, 3)

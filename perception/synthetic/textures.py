"""Noise and what is made of it. All tiles repeat without a seam; premultiplied alpha throughout."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

SIZE = 512  # of the noise tiles
LEVELS = 6  # of the pyramids of ground marks


@lru_cache(maxsize=8)
def fractal(seed: int, slope: float = 1.2) -> np.ndarray:
    """(SIZE, SIZE) float32, mean 0, deviation 1: amplitudes fall as 1/f**slope."""
    f = np.hypot(np.fft.fftfreq(SIZE)[:, None], np.fft.rfftfreq(SIZE))
    f[0, 0] = 1
    white = np.fft.rfft2(np.random.default_rng(seed).standard_normal((SIZE, SIZE)))
    white[0, 0] = 0
    tile = np.fft.irfft2(white / f**slope, s=(SIZE, SIZE))
    return np.ascontiguousarray(tile / tile.std(), dtype=np.float32)


def pyramid(texture: np.ndarray, smallest: int = 4) -> tuple[np.ndarray, ...]:
    """BGRA uint8 (h, w, 4) with straight alpha to premultiplied halves, quarters, ..."""
    alpha = texture[..., 3:].astype(np.float32) / 255
    level = np.concatenate([texture[..., :3] * alpha, texture[..., 3:]], -1)
    levels: list[np.ndarray] = [level.round().astype(np.uint8)]
    while min(levels[-1].shape[:2]) >= 2 * smallest:
        h, w = levels[-1].shape[:2]
        levels.append(cv2.resize(levels[-1], (w // 2, h // 2), interpolation=cv2.INTER_AREA))
    return tuple(levels)


def marks(rng: np.random.Generator, width: float) -> np.ndarray:
    """What lies on the asphalt: (4096, columns) uint8, 128 = nothing; see `stacked`.

    5 cm cells, 102.4 m long, `width` metres wide or a little more.
    """
    columns = int(np.ceil(width / 0.05 / 64) * 64)
    sheet = np.full((2048, columns), 128, np.uint8)
    _patches(rng, sheet)
    _cracks(rng, sheet)
    _stains(rng, sheet)
    return stacked(sheet)


def stacked(sheet: np.ndarray) -> np.ndarray:
    """A sheet (2048, columns), its half, ... in one array; level k starts at row 4096 - (4096 >> k)."""
    out = np.full((4096, sheet.shape[1]), 128, np.uint8)
    for k in range(LEVELS):
        h, w = sheet.shape
        first = 4096 - (4096 >> k)
        out[first : first + h, :w] = sheet
        sheet = cv2.resize(sheet, (w // 2, h // 2), interpolation=cv2.INTER_AREA)
    return out


def _patches(rng: np.random.Generator, sheet: np.ndarray) -> None:
    """Repairs: rectangles of another asphalt with a sealed rim."""
    for _ in range(rng.integers(0, 9)):
        row, column = rng.integers(0, sheet.shape[0]), rng.integers(0, sheet.shape[1])
        length, width = int(rng.integers(15, 240)), int(rng.integers(10, 60))
        shade = int(128 + rng.integers(-34, 16))
        cv2.rectangle(sheet, (int(column), int(row)), (int(column) + width, int(row) + length), shade, -1)
        cv2.rectangle(sheet, (int(column), int(row)), (int(column) + width, int(row) + length), 92, 1)


def _cracks(rng: np.random.Generator, sheet: np.ndarray) -> None:
    """Random walks, along or across; some are sealed with tar, so thick and dark."""
    for _ in range(rng.integers(2, 24)):
        along = rng.random() < 0.6
        n = int(rng.integers(10, 60))
        walk = np.cumsum(rng.normal(0, 1.6, n))
        start = rng.uniform((0, 0), sheet.shape[::-1])
        run = np.arange(n) * rng.uniform(3, 8)
        points = np.stack([walk, run] if along else [run, walk], -1) + start
        thick = 2 if rng.random() < 0.3 else 1
        cv2.polylines(sheet, [points.round().astype(np.int32)], False, int(rng.integers(60, 105)), thick)


def _stains(rng: np.random.Generator, sheet: np.ndarray) -> None:
    """Oil, rubber, manhole covers."""
    for _ in range(rng.integers(2, 14)):
        at = tuple(int(v) for v in rng.uniform((0, 0), sheet.shape[::-1]))
        axes = tuple(int(v) for v in rng.integers((2, 3), (9, 30)))
        cv2.ellipse(sheet, at, axes, 0, 0, 360, int(rng.integers(96, 122)), -1, cv2.LINE_AA)
    for _ in range(rng.integers(0, 4)):
        at = tuple(int(v) for v in rng.uniform((0, 0), sheet.shape[::-1]))
        cv2.circle(sheet, at, 7, 84, -1, cv2.LINE_AA)
        cv2.circle(sheet, at, 5, 112, -1, cv2.LINE_AA)

"""Facades: sheets of windows, doors and shops."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from perception.synthetic.textures import fractal, pyramid

STYLES = 16
LIT = 6  # ways in which the windows of a style are lit
_WALLS = np.array(
    [(150, 175, 190), (175, 190, 200), (90, 110, 160), (120, 140, 175), (190, 195, 198),
     (130, 135, 138), (140, 165, 200), (96, 98, 104)]
)  # fmt: skip


@lru_cache(maxsize=STYLES)
def facade(style: int) -> tuple[np.ndarray, ...]:
    """Pyramid of opaque BGRA (512, 512): rows of windows over a ground floor."""
    rng = np.random.default_rng((77, style))
    image = np.empty((512, 512, 4), np.float32)
    noise = fractal(1, 1.1)[..., None]
    image[..., :3] = _WALLS[style % 8] * (1 + 0.05 * noise)
    image[..., 3] = 255
    if style % 8 in (2, 3):
        image[::6, :, :3] *= 0.86  # brick courses
    floors, axes = int(rng.integers(2, 5)), int(rng.integers(3, 6))
    for floor in range(floors):
        for axis in range(axes):
            _window(rng, image, floor, axis, floors, axes)
    if rng.random() < 0.5:
        _shops(rng, image, 490 / floors)
    image[:14, :, :3] *= 0.6  # eaves
    image[-10:, :, :3] *= 0.7  # plinth
    return pyramid(np.clip(image, 0, 255).astype(np.uint8))


def _window(
    rng: np.random.Generator, image: np.ndarray, floor: int, axis: int, floors: int, axes: int
) -> None:
    tall, wide = 490 / floors, 512 / axes
    top, left = 18 + floor * tall + tall * 0.2, axis * wide + wide * 0.22
    shop = floor == floors - 1 and rng.random() < 0.5
    h, w = (tall * 0.74, wide * 0.7) if shop else (tall * 0.56, wide * 0.54)
    a, b = (int(left), int(top)), (int(left + w), int(top + h))
    cv2.rectangle(image, (a[0] - 5, a[1] - 5), (b[0] + 5, b[1] + 5), (215, 218, 220, 255), -1)
    glass = np.array([70, 62, 54]) * rng.uniform(0.6, 1.7)
    cv2.rectangle(image, a, b, (*glass.tolist(), 255), -1)
    if rng.random() < 0.5:
        cv2.rectangle(
            image, a, (b[0], int(a[1] + h * rng.uniform(0.2, 0.6))), (*(glass * 2.1).tolist(), 255), -1
        )
    cv2.line(image, ((a[0] + b[0]) // 2, a[1]), ((a[0] + b[0]) // 2, b[1]), (200, 204, 206, 255), 3)
    cv2.rectangle(image, (a[0] - 7, b[1] + 5), (b[0] + 7, b[1] + 10), (150, 152, 156, 255), -1)


def _shops(rng: np.random.Generator, image: np.ndarray, tall: float) -> None:
    """Shop windows, doors and boards in place of the ground floor."""
    top = int(502 - tall * rng.uniform(0.75, 0.95))
    at = 0
    while at < 512:
        end = at + int(rng.integers(110, 220))
        board = rng.uniform(30, 220, 3)
        cv2.rectangle(image, (at + 4, top), (end - 4, 502), (*rng.uniform(40, 180, 3).tolist(), 255), -1)
        cv2.rectangle(image, (at + 8, top + 28), (end - 8, 488), (*rng.uniform(50, 120, 3).tolist(), 255), -1)
        for _ in range(rng.integers(3, 9)):  # goods behind the glass
            x, y = int(rng.integers(at + 10, max(end - 30, at + 11))), int(rng.integers(top + 50, 470))
            cv2.rectangle(image, (x, y), (x + 18, y + 24), (*rng.uniform(60, 200, 3).tolist(), 255), -1)
        cv2.rectangle(image, (at, top), (end, top + 26), (*board.tolist(), 255), -1)
        for x in range(at + 20, end - 20, 12):  # letters
            if rng.random() < 0.8:
                cv2.rectangle(
                    image, (x, top + 6), (x + int(rng.integers(4, 8)), top + 20), (235, 235, 235, 255), -1
                )
        at = end + int(rng.integers(0, 14))


@lru_cache(maxsize=STYLES * LIT)
def lit_windows(style: int, variant: int, share: float) -> tuple[np.ndarray, ...]:
    """Pyramid of BGRA (512, 512), clear but for the windows of `facade` behind which there is light."""
    rng, own = np.random.default_rng((77, style)), np.random.default_rng((79, style, variant))
    floors, axes = int(rng.integers(2, 5)), int(rng.integers(3, 6))
    image = np.zeros((512, 512, 4), np.uint8)
    tall, wide = 490 / floors, 512 / axes
    for floor in range(floors):
        for axis in range(axes):
            if own.random() > (0.7 if floor == floors - 1 else share):
                continue
            colour = np.array((110, 190, 245) if own.random() < 0.7 else (230, 235, 230)) * own.uniform(
                0.35, 1
            )
            x, y = axis * wide + wide * 0.22, 18 + floor * tall + tall * 0.2
            a, b = (int(x), int(y)), (int(x + wide * 0.54), int(y + tall * own.uniform(0.3, 0.56)))
            cv2.rectangle(image, a, b, (*colour.tolist(), 255), -1)
            cv2.line(image, ((a[0] + b[0]) // 2, a[1]), ((a[0] + b[0]) // 2, b[1]), (0, 0, 0, 0), 3)
    return pyramid(image)


@lru_cache(maxsize=STYLES)
def roof(style: int) -> tuple[np.ndarray, ...]:
    """Pyramid of opaque BGRA (128, 256): courses of tiles."""
    rng = np.random.default_rng((78, style))
    colour = np.array([(60, 74, 140), (74, 92, 160), (92, 86, 84), (70, 66, 66)])[rng.integers(4)]
    image = np.full((128, 256, 4), 255, np.float32)
    image[..., :3] = colour * (1 + 0.07 * fractal(2, 0.5)[:128, :256, None])
    image[::6, :, :3] *= 0.75
    return pyramid(np.clip(image, 0, 255).astype(np.uint8))

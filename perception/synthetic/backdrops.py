"""Strips of forest, hedge, wall and fence, 512 pixels long. Made once a process."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from perception.synthetic.textures import fractal, pyramid
from perception.synthetic.trees import VARIANTS as TREES
from perception.synthetic.trees import tree

VARIANTS = 3
_FORESTS = {
    "leafy": ("round", "tall"),
    "firs": ("conifer",),
    "mixed": ("round", "conifer", "tall", "bush"),
    "scrub": ("bush", "round"),
}


@lru_cache(maxsize=64)
def backdrop(kind: str, variant: int) -> tuple[np.ndarray, ...]:
    """Pyramid of premultiplied BGRA; the lower edge stands on the ground."""
    rng = np.random.default_rng((31, variant, len(kind)))
    if kind in _FORESTS:
        return pyramid(_forest(rng, _FORESTS[kind]))
    make = {"hedge": _hedge, "wall": _wall, "planks": _planks, "railing": _railing, "concrete": _concrete}[
        kind
    ]
    return pyramid(np.clip(make(rng), 0, 255).astype(np.uint8))


def _forest(rng: np.random.Generator, kinds: tuple[str, ...]) -> np.ndarray:
    """Ranks of trees before darkness; two tree heights high above the nearest."""
    image = np.zeros((256, 512, 4), np.uint8)
    for x in np.linspace(0, 512, 40):
        cv2.ellipse(image, (int(x), 256), (26, int(rng.uniform(110, 170))), 0, 0, 360, (20, 34, 30, 255), -1)
    for rank in range(3):
        shade = 0.5 + 0.25 * rank
        for x in rng.uniform(-40, 512, 16 if rank < 2 else 9):
            levels = tree(str(rng.choice(kinds)), int(rng.integers(TREES)))
            height = int(rng.uniform(120, 250 - 40 * rank))
            _paste(image, levels[0], int(x), height, shade * rng.uniform(0.8, 1.1))
    _straight(image)
    return image


def _paste(image: np.ndarray, sprite: np.ndarray, x: int, height: int, shade: float) -> None:
    """Puts a premultiplied sprite on the lower edge, `x` its left side; the result is premultiplied."""
    width = max(1, height * sprite.shape[1] // sprite.shape[0])
    small = cv2.resize(sprite, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    left, right = max(x, 0), min(x + width, image.shape[1])
    if right <= left:
        return
    part = small[:, left - x : right - x]
    part[..., :3] *= shade
    window = image[image.shape[0] - height :, left:right]
    window[:] = np.clip(window * (1 - part[..., 3:] / 255) + part, 0, 255).astype(np.uint8)


def _straight(image: np.ndarray) -> None:
    """Premultiplied to straight alpha, in place."""
    alpha = np.maximum(image[..., 3:].astype(np.float32) / 255, 1e-3)
    image[..., :3] = np.clip(image[..., :3] / alpha, 0, 255).astype(np.uint8)


def _plain(colour: tuple[float, float, float], height: int = 128, rough: float = 0.08) -> np.ndarray:
    image = np.full((height, 512, 4), 255, np.float32)
    image[..., :3] = np.array(colour) * (1 + rough * fractal(3, 0.8)[:height, :, None])
    return image


def _hedge(rng: np.random.Generator) -> np.ndarray:
    image = _plain((34, 74, 58), rough=0.0)
    light = np.linspace(1.25, 0.5, 128)[:, None, None]
    image[..., :3] *= light * (1 + 0.35 * fractal(5, 0.3)[:128, :, None])
    ragged = 5 + 4 * fractal(1, 0.6)[0]
    image[np.arange(128)[:, None] < ragged, 3] = 0
    return image


def _wall(rng: np.random.Generator) -> np.ndarray:
    """Courses of brick or stone under a coping."""
    image = _plain(((84, 104, 150), (120, 134, 146), (150, 158, 162))[rng.integers(3)])
    tall, long = (8, 22) if rng.random() < 0.5 else (20, 44)
    for row in range(0, 128, tall):
        tone = rng.uniform(0.82, 1.15, 512 // long + 2)
        shift = int(rng.integers(long))
        image[row : row + tall, :, :3] *= np.repeat(tone, long)[shift : shift + 512][:, None]
        image[row, :, :3] *= 0.7
    image[:10, :, :3] = 150 * (1 + 0.05 * fractal(2, 0.8)[:10, :, None])
    return image


def _planks(rng: np.random.Generator) -> np.ndarray:
    image = _plain(((60, 84, 108), (84, 98, 106), (150, 156, 158), (52, 80, 60))[rng.integers(4)])
    image[:, :, :3] *= np.repeat(rng.uniform(0.8, 1.15, 43), 12)[:512][:, None]
    image[:, ::12, :3] *= 0.45
    return image


def _railing(rng: np.random.Generator) -> np.ndarray:
    """Bars with air between them."""
    image = _plain((70, 70, 70) if rng.random() < 0.6 else (150, 152, 152))
    bars = np.arange(512) % 16 < 3
    image[..., 3] = np.where(bars, 255, 0)
    image[8:15, :, 3] = image[108:114, :, 3] = 255
    return image


def _concrete(rng: np.random.Generator) -> np.ndarray:
    image = _plain((146, 150, 152), rough=0.05)
    image[:, ::128, :3] *= 0.6
    image[:6, :, :3] *= 0.8
    return image

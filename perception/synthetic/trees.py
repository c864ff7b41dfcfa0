"""Sprites of trees and bushes, grown from random leaves. Made once a process, shared by all worlds."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from perception.synthetic.textures import pyramid

KINDS = ("round", "tall", "conifer", "bush", "bare")
VARIANTS = 4
_SIZES = {
    "round": (320, 300),
    "tall": (384, 220),
    "conifer": (384, 200),
    "bush": (128, 220),
    "bare": (352, 256),
}


@lru_cache(maxsize=len(KINDS) * VARIANTS)
def tree(kind: str, variant: int) -> tuple[np.ndarray, ...]:
    """Pyramid of premultiplied BGRA, roots at the middle of the lower edge."""
    rng = np.random.default_rng((KINDS.index(kind), variant))
    h, w = _SIZES[kind]
    image = np.zeros((h, w, 4), np.uint8)
    if kind != "bush":
        _trunk(rng, image, 0.9 if kind == "bare" else 0.55, 5 if kind == "bare" else 3)
    if kind == "conifer":
        _needles(rng, image)
    elif kind != "bare":
        _leaves(rng, image, 0.0 if kind == "bush" else 0.16)
    return pyramid(image)


def _trunk(rng: np.random.Generator, image: np.ndarray, top: float, forks: int) -> None:
    h, w = image.shape[:2]
    _branch(rng, image, np.array([w / 2, h - 1.0]), -np.pi / 2, h * top * 0.42, w * 0.028, forks)


def _branch(
    rng: np.random.Generator,
    image: np.ndarray,
    at: np.ndarray,
    turn: float,
    length: float,
    thick: float,
    forks: int,
) -> None:
    end = at + length * np.array([np.cos(turn), np.sin(turn)])
    shade = rng.uniform(0.8, 1.2)
    colour = (*tuple(float(c * shade) for c in (40, 52, 64)), 255)
    cv2.line(image, _int(at), _int(end), colour, max(1, round(thick * 2)), cv2.LINE_AA)
    if forks:
        for _ in range(3):
            _branch(
                rng,
                image,
                end,
                turn + rng.normal(0, 0.5),
                length * rng.uniform(0.5, 0.8),
                thick * 0.6,
                forks - 1,
            )


def _int(point: np.ndarray) -> tuple[int, int]:
    return int(point[0]), int(point[1])


def _leaves(rng: np.random.Generator, image: np.ndarray, trunk: float) -> None:
    """Clumps of leaves on an egg, the far and low ones first and darker."""
    h, w = image.shape[:2]
    middle, radii = np.array([w / 2, h * (1 - trunk) / 2]), np.array([w, h * (1 - trunk)]) / 2
    clumps = 90
    direction = rng.normal(size=(clumps, 3))
    direction *= rng.uniform(0.35, 0.86, (clumps, 1)) / np.linalg.norm(direction, axis=1, keepdims=True)
    for clump in direction[np.argsort(direction[:, 2])]:
        centre, size = middle + clump[:2] * radii, rng.uniform(0.16, 0.3) * radii.min()
        offsets = rng.normal(0, 0.5, (130, 2))
        up = 0.5 - 0.5 * (clump[1] + 0.35 * offsets[:, 1]) + 0.2 * clump[2]
        light = (0.34 + 0.66 * np.clip(up, 0, 1)) * rng.uniform(0.82, 1.12)
        _scatter(rng, image, centre + offsets * size, light)


def _needles(rng: np.random.Generator, image: np.ndarray) -> None:
    """Boughs that hang a little, dark towards their ends."""
    h, w = image.shape[:2]
    for row in np.linspace(h * 0.9, 4, 60):
        half = (w / 2 - 4) * (row / h) * rng.uniform(0.7, 1.05)
        x = rng.normal(0, 0.42, 90).clip(-1, 1) * half
        y = row + np.abs(x) / w * 30 - 8 + rng.normal(0, 4, 90)
        light = rng.uniform(0.3, 0.75, 90) * (1.15 - 0.5 * np.abs(x) / (half + 1))
        _scatter(rng, image, np.stack([w / 2 + x, y], -1), light)


def _scatter(rng: np.random.Generator, image: np.ndarray, at: np.ndarray, light: np.ndarray) -> None:
    """Leaves at points (n, 2), each a little ellipse of its own green."""
    n = len(at)
    tone = rng.uniform(-10, 14, n)
    greens = np.stack([58 + tone, 128 + tone / 2, 98 + tone], -1) * light[:, None]
    colours = np.column_stack([np.clip(greens, 0, 255), np.full(n, 255)]).tolist()
    axes = np.maximum(rng.uniform((0.5, 0.3), (1.2, 0.8), (n, 2)) * 2.6, 1).astype(int).tolist()
    turns = rng.uniform(0, 180, n).tolist()
    for centre, size, turn, colour in zip(at.astype(int).tolist(), axes, turns, colours, strict=True):
        cv2.ellipse(image, centre, size, turn, 0, 360, colour, -1)

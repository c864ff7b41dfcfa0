"""Boards with words, arrows and numbers: plates, directions, distances, advertisements."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perception.synthetic.lettering import word, write
from perception.synthetic.pictograms import BLACK, BLUE, GREEN, RED, WHITE, YELLOW, Sheet
from perception.synthetic.styles import tinted

WORDS = ("ROAD WORK", "SLOW", "BUMP", "DEAD END", "SCHOOL", "ONE WAY", "KEEP RIGHT", "EXIT", "TOLL", "DETOUR")


def pick(rng: np.random.Generator, *colours: np.ndarray) -> np.ndarray:
    return tinted(colours[int(rng.integers(len(colours)))], rng)


def rectangle(wide: float, tall: float) -> list[tuple[float, float]]:
    return [(-wide, -tall), (wide, -tall), (wide, tall), (-wide, tall)]


def framed(s: Sheet, points: Sequence[tuple[float, float]], ground: np.ndarray, ink: np.ndarray) -> None:
    """A shape with a line along its edge."""
    s.rounded([(0.95 * x, 0.95 * y) for x, y in points], 0.04, ground)
    s.rounded([(0.88 * x, 0.88 * y) for x, y in points], 0.03, ink)
    s.rounded([(0.82 * x, 0.82 * y) for x, y in points], 0.03, ground)


def lines(
    s: Sheet, ink: np.ndarray, size: tuple[float, float], rng: np.random.Generator, most: int = 3
) -> None:
    """Some lines of words."""
    count = int(rng.integers(1, most + 1))
    for k in range(count):
        text = WORDS[int(rng.integers(len(WORDS)))] if rng.random() < 0.4 else word(rng)
        y = (k - (count - 1) / 2) * 2 * size[1] / count
        write(s, text, (0, y), (2 * size[0] * rng.uniform(0.6, 1), 1.5 * size[1] / count), ink, rng)


def plate(s: Sheet, rng: np.random.Generator) -> None:
    """White upright rules of America: SPEED LIMIT 55, and others."""
    wide = rng.uniform(0.65, 0.85)
    framed(s, rectangle(wide, 1.0), WHITE, BLACK)
    if rng.random() < 0.6:
        write(s, "SPEED", (0, -0.62), (1.3 * wide, 0.3), BLACK, rng)
        write(s, "LIMIT", (0, -0.3), (1.3 * wide, 0.3), BLACK, rng)
        write(s, str(5 * int(rng.integers(2, 16))), (0, 0.35), (1.3 * wide, 0.75), BLACK, rng)
    else:
        lines(s, BLACK if rng.random() < 0.7 else RED, (wide * 0.75, 0.7), rng, 4)


def direction(s: Sheet, rng: np.random.Generator) -> None:
    ground = pick(rng, BLUE, GREEN, WHITE, YELLOW)
    ink = WHITE if ground.mean() < 130 else BLACK
    framed(s, rectangle(1.0, rng.uniform(0.25, 0.9)), ground, ink)
    wide = 0.8
    if rng.random() < 0.5:
        s.line([(-0.65, 0.2), (-0.65, -0.15)], 0.08, ink)
        s.polygon([(-0.78, -0.1), (-0.65, -0.3), (-0.52, -0.1)], ink)
        wide = 0.5
    lines(s, ink, (wide, 0.3), rng)


def kilometre(s: Sheet, rng: np.random.Generator) -> None:
    ground = pick(rng, BLUE, GREEN, WHITE, YELLOW)
    ink = WHITE if ground.mean() < 130 else BLACK
    framed(
        s,
        rectangle(rng.uniform(0.4, 1.0), rng.uniform(0.4, 0.9)),
        ground,
        ink if rng.random() < 0.5 else ground,
    )
    number = f"{rng.uniform(0, 60):.1f}" if rng.random() < 0.5 else str(int(rng.integers(1, 700)))
    text = number + (" km" if rng.random() < 0.3 else " m" if rng.random() < 0.3 else "")
    write(s, text, (0, 0), (0.75, 0.6), ink, rng)


def chevron(s: Sheet, rng: np.random.Generator) -> None:
    ground, ink = (WHITE, RED) if rng.random() < 0.6 else (YELLOW, BLACK)
    half, flip = rng.uniform(0.4, 0.95), 1 if rng.random() < 0.5 else -1
    s.polygon(rectangle(1.0, half), tinted(ground, rng))
    for x in np.arange(-1, 1, rng.choice([0.5, 0.7, 1.2])):
        s.line([(flip * x, -half), (flip * (x + 0.35), 0), (flip * x, half)], 0.22, ink)


def supplement(s: Sheet, rng: np.random.Generator) -> None:
    half = rng.uniform(0.25, 0.6)
    framed(s, rectangle(1.0, half), pick(rng, WHITE, WHITE, YELLOW), BLACK)
    lines(s, BLACK, (0.75, half * 0.7), rng, 2)


def advert(s: Sheet, rng: np.random.Generator) -> None:
    """A shop's board: a shape in two colours, with letters or marks."""
    ground, ink = tinted(rng.uniform(0, 255, 3), rng), tinted(rng.uniform(0, 255, 3), rng)
    if rng.random() < 0.4:
        ground, ink = pick(rng, RED, YELLOW, BLUE), WHITE if rng.random() < 0.7 else ink
    corners = int(rng.choice([4, 4, 4, 6, 8, 40]))
    turn = np.pi / corners + np.arange(corners) * 2 * np.pi / corners
    wide, tall = rng.uniform(0.6, 1.0, 2) * (1.4 if corners == 4 else 1)
    shape = [(wide * np.cos(a), tall * np.sin(a)) for a in turn]
    s.polygon(shape, ink if rng.random() < 0.4 else ground)
    s.polygon([(0.88 * x, 0.88 * y) for x, y in shape], ground)
    for _ in range(int(rng.integers(0, 3))):
        x, y = rng.uniform(-0.5, 0.5, 2)
        s.circle((x, y), rng.uniform(0.08, 0.5), tinted(rng.uniform(0, 255, 3), rng))
    if rng.random() < 0.8:
        lines(s, ink, (0.7 * wide, 0.5 * tall), rng)

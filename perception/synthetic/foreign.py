"""What looks like a sign and is none of the 43: signs of other kinds and countries, drawn on sheets."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from perception.synthetic import pictograms
from perception.synthetic.boards import (
    advert,
    chevron,
    direction,
    framed,
    kilometre,
    lines,
    pick,
    plate,
    rectangle,
    supplement,
)
from perception.synthetic.lettering import write
from perception.synthetic.pictograms import BLACK, BLUE, GREEN, RED, WHITE, YELLOW, Sheet
from perception.synthetic.styles import SIDE, Style, add, bars, lit, ring, stroked, style, tinted

Draw = Callable[[Sheet, np.random.Generator], None]
ORANGE, BROWN, LIME = (np.array(c) for c in ([20, 120, 240], [30, 55, 100], [40, 240, 200]))
LIMITS = ("5", "10", "15", "25", "35", "40", "45", "55", "75", "90", "110", "130")


def draw(table: Mapping[str, Draw], rng: np.random.Generator, name: str = "") -> np.ndarray:
    """(SIDE, SIDE, 4) uint8 BGRA, straight alpha: one of a table (of `name`, or of chance)."""
    sheet = Sheet(SIDE)
    table[name or list(table)[int(rng.integers(len(table)))]](sheet, rng)
    return sheet.image


def _picture(s: Sheet, ink: np.ndarray, ground: np.ndarray, rng: np.random.Generator) -> None:
    """Any pictogram."""
    picture, look = Sheet(SIDE), style(rng)
    table = pictograms.WARNINGS if rng.random() < 0.75 else pictograms.ARROWS
    table[int(rng.choice(list(table)))](picture)
    if table is pictograms.ARROWS:
        picture.image[picture.image[..., 3] > 0, :3] = BLACK
    thick = max(0, look.thick)
    add(s, stroked(picture, Style(ground, ink, ink, ink, 1, 0, 0, thick, False), rng, rng.random() < 0.5))


def diamond(s: Sheet, rng: np.random.Generator) -> None:
    """Warnings of America, Japan, Australia."""
    ground = pick(rng, YELLOW, YELLOW, ORANGE, LIME)
    framed(s, [(0, -1.0), (1.0, 0), (0, 1.0), (-1.0, 0)], ground, BLACK)
    if rng.random() < 0.7:
        _picture(s, BLACK, ground, rng)
    else:
        lines(s, BLACK, (0.6, 0.35), rng)


def limit(s: Sheet, rng: np.random.Generator) -> None:
    """Speeds that no class has."""
    look = style(rng)
    ring(s, look)
    text = LIMITS[int(rng.integers(len(LIMITS)))]
    size = [(0.7, 0.95), (1.1, 0.95), (1.25, 0.8)][len(text) - 1]
    write(s, text, (0, 0), size, look.ink, rng)
    if look.led:
        s.image[:] = lit(s.image, rng)


def blue_board(s: Sheet, rng: np.random.Generator) -> None:
    """Parking, hospital, crossing, one-way, dead end, motorway."""
    blue = tinted(BLUE, rng)
    framed(
        s,
        rectangle(rng.uniform(0.7, 1.0), rng.uniform(0.8, 1.0)),
        blue,
        WHITE if rng.random() < 0.6 else blue,
    )
    kind = int(rng.integers(4))
    if kind == 0:
        write(s, "PPPHIMi"[int(rng.integers(7))], (0, 0), (0.8, 1.2), WHITE, rng)
    elif kind == 1:
        s.polygon([(0, -0.6), (0.6, 0.5), (-0.6, 0.5)], WHITE)
        _picture(s, BLACK, WHITE, rng)
    elif kind == 2:
        s.line([(0, 0.7), (0, -0.5)], rng.uniform(0.15, 0.3), WHITE)
        if rng.random() < 0.5:
            s.polygon([(-0.35, -0.3), (0, -0.75), (0.35, -0.3)], WHITE)
        else:
            s.line([(-0.4, -0.5), (0.4, -0.5)], 0.25, RED)
    else:
        _picture(s, WHITE, blue, rng)


def end_of_zone(s: Sheet, rng: np.random.Generator) -> None:
    grey = tinted(np.full(3, 130), rng)
    framed(s, rectangle(rng.uniform(0.75, 0.95), 1.0), WHITE, BLACK if rng.random() < 0.5 else WHITE)
    s.circle((0, -0.15), 0.66, grey)
    s.circle((0, -0.15), 0.5, WHITE)
    write(s, ("30", "20", "50", "40", "P")[int(rng.integers(5))], (0, -0.15), (0.7, 0.5), grey, rng)
    write(s, "ZONE", (0, 0.72), (1.0, 0.25), grey, rng)
    bars(s, BLACK, rng, 0.7)


def red_triangle(s: Sheet, rng: np.random.Generator) -> None:
    """Stop in Japan."""
    for size, colour in (
        (1.0, WHITE if rng.random() < 0.5 else RED),
        (0.88, WHITE),
        (0.82, tinted(RED, rng)),
    ):
        s.rounded([(0, 0.86 * size), (-0.93 * size, -0.7 * size), (0.93 * size, -0.7 * size)], 0.06, colour)
    for x in (-0.36, -0.12, 0.12, 0.36):
        strokes = rng.uniform(-0.1, 0.1, (5, 2)) + (x, -0.3)
        s.line([tuple(p) for p in strokes], 0.045, WHITE)
        s.line([(x - 0.09, -0.3 + rng.uniform(-0.1, 0.1)), (x + 0.09, -0.3)], 0.045, WHITE)


def no_stopping(s: Sheet, rng: np.random.Generator) -> None:
    look = style(rng)
    s.circle((0, 0), 1.0, look.red)
    s.circle((0, 0), 1 - rng.uniform(0.12, 0.22), look.blue)
    s.line([(-0.6, -0.6), (0.6, 0.6)], rng.uniform(0.12, 0.22), look.red)
    if rng.random() < 0.5:
        s.line([(0.6, -0.6), (-0.6, 0.6)], 0.18, look.red)


def prohibition(s: Sheet, rng: np.random.Generator) -> None:
    """Red rings about other pictograms, with or without a bar."""
    look = style(rng)
    ring(s, look)
    _picture(s, look.ink, look.ground, rng)
    if rng.random() < 0.6:
        flip = 1 if rng.random() < 0.7 else -1
        s.line([(-0.6 * flip, -0.6), (0.6 * flip, 0.6)], rng.uniform(0.1, 0.2), look.red)


def blue_disc(s: Sheet, rng: np.random.Generator) -> None:
    """Ways for cyclists, walkers and others."""
    blue = tinted(BLUE, rng)
    s.circle((0, 0), 1.0, WHITE)
    s.circle((0, 0), rng.uniform(0.9, 1.0), blue)
    picture = Sheet(SIDE)
    pictograms.WARNINGS[int(rng.choice([27, 28, 29, 31, 23]))](picture)
    add(s, stroked(picture, Style(blue, WHITE, blue, WHITE, 1, 0, 0, 1, False), rng, True))


def back(s: Sheet, rng: np.random.Generator) -> None:
    """The back of a sign: grey metal, clamps and a pole."""
    grey = tinted(np.full(3, rng.uniform(70, 190)), rng)
    corners = int(rng.choice([3, 3, 4, 8, 40, 40, 40]))
    turn = rng.choice([0, np.pi / corners]) + np.arange(corners) * 2 * np.pi / corners + np.pi / 2
    shape = [(np.cos(a), np.sin(a)) for a in turn]
    s.polygon(shape, grey * rng.uniform(0.6, 1.0))
    s.polygon([(0.96 * x, 0.96 * y) for x, y in shape], grey)
    metal = tinted(np.full(3, rng.uniform(50, 200)), rng)
    for y in (-0.3, 0.3):
        s.line([(-0.6, y), (0.6, y)], rng.uniform(0.04, 0.1), metal)
    if rng.random() < 0.8:
        s.line([(0, -0.7), (0, 1.1)], rng.uniform(0.1, 0.25), metal * 0.9)


def lamp(s: Sheet, rng: np.random.Generator) -> None:
    """A light in its housing: of traffic, of a vehicle, of a street."""
    if rng.random() < 0.7:
        s.rounded(rectangle(rng.uniform(0.4, 0.9), 0.9), 0.08, tinted(np.full(3, rng.uniform(15, 60)), rng))
    colour = pick(rng, RED, RED, YELLOW, GREEN, WHITE, ORANGE, np.array([120, 220, 90]))
    at = (0.0, float(rng.choice([-0.55, 0.0, 0.0, 0.55])))
    radius = rng.uniform(0.25, 0.9) if at[1] == 0 else rng.uniform(0.25, 0.4)
    for k, share in enumerate(np.linspace(1, 0.2, 5)):
        s.circle(at, radius * share, colour + (250 - colour) * rng.uniform(0.1, 0.25) * k)


def clock(s: Sheet, rng: np.random.Generator) -> None:
    ink = pick(rng, BLACK, RED, BLUE, np.array([40, 60, 80]))
    s.circle((0, 0), 1.0, ink)
    s.circle((0, 0), rng.uniform(0.78, 0.95), tinted(WHITE, rng))
    for a in np.arange(12) * np.pi / 6:
        s.line([(0.62 * np.sin(a), 0.62 * np.cos(a)), (0.75 * np.sin(a), 0.75 * np.cos(a))], 0.06, BLACK)
    for length in (0.4, 0.65):
        a = rng.uniform(0, 2 * np.pi)
        s.line([(0, 0), (length * np.sin(a), -length * np.cos(a))], 0.08, BLACK)


def shield(s: Sheet, rng: np.random.Generator) -> None:
    """Numbers of routes in America."""
    ground, ink = (BLUE, WHITE) if rng.random() < 0.5 else (WHITE, BLACK)
    shape = [
        (-0.9, -0.6),
        (-0.5, -0.9),
        (0, -0.75),
        (0.5, -0.9),
        (0.9, -0.6),
        (0.8, 0.2),
        (0, 0.95),
        (-0.8, 0.2),
    ]
    framed(s, shape, tinted(ground, rng), ink)
    if ground is BLUE:
        s.polygon([(-0.75, -0.62), (0.75, -0.62), (0.78, -0.3), (-0.78, -0.3)], RED)
    write(s, str(int(rng.integers(1, 500))), (0, 0.1), (1.1, 0.6), ink, rng)


def weight(s: Sheet, rng: np.random.Generator) -> None:
    """How heavy, high or wide one may be."""
    look = style(rng)
    ring(s, look)
    write(
        s,
        f"{rng.uniform(1, 12):.1f}" + ("t", "m", " m")[int(rng.integers(3))],
        (0, 0),
        (1.15, 0.5),
        look.ink,
        rng,
    )
    for y in (-0.5, 0.5) if rng.random() < 0.5 else ():
        s.polygon([(-0.15, 1.2 * y), (0.15, 1.2 * y), (0, 0.85 * y)], look.ink)


def minimum(s: Sheet, rng: np.random.Generator) -> None:
    s.circle((0, 0), 1.0, WHITE)
    s.circle((0, 0), rng.uniform(0.9, 1.0), tinted(BLUE, rng))
    write(s, str(10 * int(rng.integers(3, 9))), (0, 0), (1.1, 0.9), WHITE, rng)


def crossbuck(s: Sheet, rng: np.random.Generator) -> None:
    """Of level crossings."""
    ground = WHITE if rng.random() < 0.7 else YELLOW
    for flip in (1, -1):
        ends = [(-0.85 * flip, -0.6), (0.85 * flip, 0.6)]
        s.line(ends, 0.34, RED if rng.random() < 0.6 else BLACK)
        s.line(ends, 0.24, ground)


def drum(s: Sheet, rng: np.random.Generator) -> None:
    """Barrels and cones of road works."""
    top = rng.uniform(0.1, 0.6)
    for k, y in enumerate(np.linspace(-0.9, 0.5, 5)):
        low, high = (top + (0.62 - top) * (v + 0.9) / 1.8 for v in (y, y + 0.36))
        s.polygon([(-low, y), (low, y), (high, y + 0.36), (-high, y + 0.36)], WHITE if k % 2 else ORANGE)
    s.polygon(rectangle(0.75, 0.9)[2:] + [(-0.75, 0.8), (0.75, 0.8)], BLACK)


FAMILIES: dict[str, Draw] = {
    found.__name__: found
    for found in (
        diamond,
        plate,
        limit,
        direction,
        blue_board,
        end_of_zone,
        red_triangle,
        kilometre,
        chevron,
        no_stopping,
        prohibition,
        blue_disc,
        supplement,
        back,
        lamp,
        clock,
        advert,
    )
}
UNSEEN: dict[str, Draw] = {  # kept from training, to judge by
    found.__name__: found for found in (shield, weight, minimum, crossbuck, drum)
}

"""The 43 signs as other countries make them: grounds, borders, fonts, strokes, and lamps that show them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from perception.synthetic import pictograms
from perception.synthetic.lettering import write
from perception.synthetic.pictograms import BLACK, BLUE, RED, WHITE, YELLOW, Sheet

SIDE = 160
NUMBERS = {0: "20", 1: "30", 2: "50", 3: "60", 4: "70", 5: "80", 6: "80", 7: "100", 8: "120"}
RINGS = (0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 15, 16)
ENDS = (6, 32, 41, 42)
TRIANGLES = (11, *range(18, 32))
ARROWS = range(33, 41)
LIT = {*RINGS, *ENDS, *TRIANGLES} - {15}
GROUNDS = (WHITE, WHITE, YELLOW, np.array([40, 205, 250]), np.array([30, 150, 245]))  # Sweden, Finland, ...
MIRRORED = (16, 23, 25, 27, 28, 29, 31, 40)  # mean the same the other way round
STOPS = ("STOP", "STOP", "STOP", "ALTO", "PARE", "DUR", "ARRET")


@dataclass(frozen=True)
class Style:
    ground: np.ndarray
    red: np.ndarray
    blue: np.ndarray
    ink: np.ndarray  # of pictograms and numbers
    rim: float  # width of a border over that of the German one
    corner: float  # radius
    outline: float  # width of a light line around it all; 0: none
    thick: int  # pixels by which strokes grow; below 0 they shrink
    led: bool


def style(rng: np.random.Generator) -> Style:
    """One of chance."""
    led = rng.random() < 0.12
    ground = np.array([12, 12, 12]) if led else GROUNDS[int(rng.integers(len(GROUNDS)))]
    ink = (WHITE if rng.random() < 0.6 else YELLOW) if led else BLACK
    return Style(
        tinted(ground, rng),
        tinted(np.array([50, 40, 250]) if led else RED, rng),
        tinted(BLUE, rng),
        tinted(ink, rng),
        rim=float(rng.uniform(0.5, 1.3)),
        corner=float(rng.uniform(0.02, 0.12)),
        outline=float(rng.choice([0, 0, 0.04, 0.08])),
        thick=int(rng.integers(-1, 3)),
        led=led,
    )


def tinted(colour: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.clip(colour * np.exp(rng.normal(0, 0.1, 3)) + rng.normal(0, 6, 3), 5, 250).round()


def styled(class_id: int, look: Style, rng: np.random.Generator) -> np.ndarray:
    """(SIDE, SIDE, 4) uint8 BGRA, straight alpha: the face of a class. Lamps show only those `LIT`."""
    sheet = Sheet(SIDE)
    if look.led and class_id not in LIT:
        look = replace(look, ground=WHITE, ink=BLACK, led=False)
    if class_id in RINGS:
        ring(sheet, look)
        _fill(sheet, look, class_id, 0.97 - 0.24 * look.rim, rng)
    elif class_id in ENDS:
        _end(sheet, look, class_id, rng)
    elif class_id in TRIANGLES:
        triangle(sheet, look)
        _fill(sheet, look, class_id, 0.0, rng)
    elif class_id in ARROWS:
        _arrow(sheet, look, class_id, rng)
    else:
        {12: _priority, 13: _yield, 14: _stop, 17: _no_entry}[class_id](sheet, look, rng)
    return lit(sheet.image, rng) if look.led else sheet.image


def ring(sheet: Sheet, look: Style) -> None:
    sheet.circle((0, 0), 1.0, WHITE if look.outline else look.red)
    sheet.circle((0, 0), 1.0 - look.outline, look.red)
    sheet.circle((0, 0), 0.97 - 0.24 * look.rim, look.ground)


def triangle(sheet: Sheet, look: Style) -> None:
    corners = np.array([(0, -0.86), (0.93, 0.76), (-0.93, 0.76)])
    middle = np.array([0, 0.22])
    inner = middle + (corners - middle) * (1 - 0.42 * look.rim)
    if look.outline:
        sheet.rounded([tuple(p) for p in corners], look.corner, WHITE)
        corners = middle + (corners - middle) * (1 - look.outline)
    sheet.rounded([tuple(p) for p in corners], look.corner, look.red)
    sheet.rounded([tuple(p) for p in inner], look.corner / 2, look.ground)


def _fill(sheet: Sheet, look: Style, class_id: int, radius: float, rng: np.random.Generator) -> None:
    """The number or pictogram inside a ring of `radius`, or a triangle (0), in the style's strokes."""
    picture = Sheet(SIDE)
    if class_id in NUMBERS:
        text = NUMBERS[class_id]
        wide, tall = (1.1, 0.95) if len(text) == 2 else (1.25, 0.8)
        scale = radius / 0.76 * rng.uniform(0.8, 1.05)
        write(picture, text, (0, 0), (wide * scale, tall * scale), BLACK, rng)
    elif class_id in pictograms.WARNINGS:
        pictograms.WARNINGS[class_id](picture)
    elif class_id == 9:
        pictograms.two_cars(picture, RED, BLACK)
    elif class_id == 10:
        pictograms.truck_and_car(picture, RED, BLACK)
    elif class_id == 16:
        pictograms.truck(picture, BLACK)
    add(sheet, stroked(picture, look, rng, class_id in MIRRORED, class_id not in NUMBERS))


def stroked(
    picture: Sheet, look: Style, rng: np.random.Generator, mirrored: bool = False, warped: bool = True
) -> np.ndarray:
    """(SIDE, SIDE, 4): black pictograms in the style's ink, stretched, and thicker or thinner."""
    image = picture.image
    for old, new in ((WHITE, look.ground), (BLACK, look.ink), (RED, look.red)):
        image[(image[..., :3] == old).all(-1), :3] = new
    if look.thick and warped:
        kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * abs(look.thick) + 1,) * 2)
        grown = cv2.dilate(image[..., 3], kernel) if look.thick > 0 else cv2.erode(image[..., 3], kernel)
        image[(image[..., 3] == 0) & (grown > 0), :3] = look.ink
        image[..., 3] = grown
    if not warped:
        return image
    turn = np.eye(2) * rng.uniform(0.88, 1.12) + rng.normal(0, 0.04, (2, 2))
    if mirrored and rng.random() < 0.5:
        turn[:, 0] *= -1
    shift = SIDE / 2 - turn @ np.full(2, SIDE / 2)
    return np.asarray(
        cv2.warpAffine(image, np.column_stack([turn, shift]), (SIDE, SIDE), flags=cv2.INTER_NEAREST)
    )


def add(sheet: Sheet, layer: np.ndarray) -> None:
    """Lay a layer (SIDE, SIDE, 4) over the sheet, where that is painted."""
    share = layer[..., 3:].astype(np.float32) / 255 * (sheet.image[..., 3:] > 0)
    sheet.image[..., :3] = (sheet.image[..., :3] * (1 - share) + layer[..., :3] * share).round()


def _end(sheet: Sheet, look: Style, class_id: int, rng: np.random.Generator) -> None:
    grey = tinted(np.full(3, rng.uniform(60, 150)), rng)
    sheet.circle((0, 0), 1.0, look.ink)
    sheet.circle((0, 0), 1 - rng.uniform(0.02, 0.12), look.ground)
    picture = Sheet(SIDE)
    if class_id == 6:
        write(picture, "80", (0, 0), (1.0, 0.85), grey, rng)
    elif class_id == 41:
        pictograms.two_cars(picture, grey, grey)
    elif class_id == 42:
        pictograms.truck_and_car(picture, grey, grey)
    add(sheet, picture.image)
    bars(sheet, look.ink, rng)


def bars(sheet: Sheet, ink: np.ndarray, rng: np.random.Generator, reach: float = 0.66) -> None:
    """Of an end: one broad, or three to five thin ones."""
    count = int(rng.choice([1, 3, 4, 5]))
    width = rng.uniform(0.12, 0.2) if count == 1 else rng.uniform(0.04, 0.08)
    for shift in (np.arange(count) - (count - 1) / 2) * rng.uniform(0.12, 0.16):
        half = reach - abs(shift) * 0.3
        sheet.line([(-half + shift, half + shift), (half + shift, -half + shift)], width, ink)


def _arrow(sheet: Sheet, look: Style, class_id: int, rng: np.random.Generator) -> None:
    sheet.circle((0, 0), 1.0, WHITE)
    sheet.circle((0, 0), 1 - rng.uniform(0.0, 0.09), look.blue)
    picture = Sheet(SIDE)
    pictograms.ARROWS[class_id](picture)
    plain = Style(WHITE, look.red, look.blue, WHITE, look.rim, 0, 0, look.thick, False)
    add(sheet, stroked(picture, plain, rng, class_id in MIRRORED))


def _priority(sheet: Sheet, look: Style, rng: np.random.Generator) -> None:
    def diamond(half: float) -> list[tuple[float, float]]:
        return [(0, -half), (half, 0), (0, half), (-half, 0)]

    sheet.rounded(diamond(0.93), 0.06, BLACK if rng.random() < 0.4 else WHITE)
    sheet.rounded(diamond(0.88), 0.06, WHITE)
    inner = rng.uniform(0.5, 0.7)
    if rng.random() < 0.3:
        sheet.rounded(diamond(inner + 0.05), 0.04, BLACK)
    sheet.rounded(diamond(inner), 0.04, tinted(YELLOW, rng))


def _yield(sheet: Sheet, look: Style, rng: np.random.Generator) -> None:
    turned = Sheet(SIDE)
    triangle(turned, look)
    sheet.image[:] = turned.image[::-1]
    if rng.random() < 0.15:  # North America
        write(sheet, "YIELD", (0, -0.35), (0.7, 0.25), look.red, rng)


def _stop(sheet: Sheet, look: Style, rng: np.random.Generator) -> None:
    turn = np.pi / 8 + np.arange(8) * np.pi / 4
    for radius, colour in ((1.0, WHITE), (rng.uniform(0.86, 0.97), look.red)):
        sheet.polygon([(1.04 * radius * np.cos(a), 1.04 * radius * np.sin(a)) for a in turn], colour)
    text = STOPS[int(rng.integers(len(STOPS)))]
    write(sheet, text, (0, 0), (rng.uniform(1.2, 1.5), rng.uniform(0.45, 0.75)), WHITE, rng)


def _no_entry(sheet: Sheet, look: Style, rng: np.random.Generator) -> None:
    sheet.circle((0, 0), 1.0, WHITE)
    sheet.circle((0, 0), rng.uniform(0.9, 1.0), look.red)
    x, y = rng.uniform(0.6, 0.8), rng.uniform(0.11, 0.2)
    bar = tinted(look.ground, rng)
    sheet.polygon([(-x, -y), (x, -y), (x, y), (-x, y)], bar)


def lit(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A face as lamps show it: points of light on a black board."""
    step = int(rng.integers(4, 7))
    points: np.ndarray = np.zeros((SIDE, SIDE), np.float32)
    points[step // 2 :: step, step // 2 :: step] = 1
    points = cv2.GaussianBlur(points, (0, 0), step * rng.uniform(0.25, 0.4))
    points = np.clip(points / points.max() * 1.3, 0.1, 1)[..., None]
    board = image[..., :3] * (image[..., 3:] > 0) * points + 12
    return np.dstack([np.clip(board, 0, 255).astype(np.uint8), np.full((SIDE, SIDE), 255, np.uint8)])

"""What is drawn inside traffic signs. Coordinates: centre (0, 0), the sign's radius 1, y down."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np

BLACK, WHITE = np.array([28, 28, 28]), np.array([236, 236, 236])
RED, BLUE, YELLOW, GREEN = (
    np.array(c) for c in ([36, 30, 196], [170, 88, 20], [20, 186, 240], [90, 160, 30])
)
Points = Sequence[tuple[float, float]]


class Sheet:
    """A transparent square BGRA image one draws on in sign coordinates."""

    def __init__(self, side: int) -> None:
        self.image = np.zeros((side, side, 4), np.uint8)
        self.unit = side / 2 * 0.96

    def at(self, points: Points) -> np.ndarray:
        return (np.array(points, float) * self.unit + self.image.shape[0] / 2).round().astype(np.int32)

    def circle(self, centre: tuple[float, float], radius: float, colour: np.ndarray) -> None:
        x, y = self.at([centre])[0]
        cv2.circle(self.image, (int(x), int(y)), round(radius * self.unit), (*colour.tolist(), 255), -1)

    def polygon(self, points: Points, colour: np.ndarray) -> None:
        cv2.fillPoly(self.image, [self.at(points)], (*colour.tolist(), 255))

    def rounded(self, points: Points, radius: float, colour: np.ndarray) -> None:
        self.polygon(points, colour)
        self.line([*points, points[0]], 2 * radius, colour)

    def line(self, points: Points, width: float, colour: np.ndarray) -> None:
        cv2.polylines(self.image, [self.at(points)], False, (*colour.tolist(), 255), round(width * self.unit))

    def number(self, text: str, colour: np.ndarray) -> None:
        self.text(text, (0, 0), 1.0 if len(text) == 2 else 1.16, colour, 0.13 if len(text) == 2 else 0.11)

    def text(
        self, text: str, centre: tuple[float, float], width: float, colour: np.ndarray, stroke: float
    ) -> None:
        """Block letters, `width` wide altogether."""
        font, thick = cv2.FONT_HERSHEY_SIMPLEX, 9
        (w, h), base = cv2.getTextSize(text, font, 3.0, thick)
        glyphs = np.zeros((h + base + 30, w + 30), np.uint8)
        cv2.putText(glyphs, text, (15, h + 15), font, 3.0, 255, thick + int(100 * stroke), cv2.LINE_AA)
        rows, columns = np.nonzero(glyphs.max(1))[0], np.nonzero(glyphs.max(0))[0]
        glyphs = glyphs[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        wide = round(width * self.unit)
        tall = round(wide * glyphs.shape[0] / glyphs.shape[1] * (1.0 if len(text) == 2 else 1.25))
        alpha = cv2.resize(glyphs, (wide, tall), interpolation=cv2.INTER_AREA)[..., None] / 255.0
        x, y = self.at([centre])[0] - np.array([wide, tall]) // 2
        window = self.image[y : y + tall, x : x + wide, :3]
        window[:] = (window * (1 - alpha) + colour * alpha).round()


def car(sheet: Sheet, x: float, colour: np.ndarray, size: float = 1.0) -> None:
    """From behind, centred at x."""

    def at(points: Points) -> Points:
        return [(x + size * a, size * b) for a, b in points]

    sheet.polygon(at([(-0.2, 0.0), (-0.15, -0.18), (0.15, -0.18), (0.2, 0.0)]), colour)
    sheet.polygon(at([(-0.25, 0.0), (0.25, 0.0), (0.25, 0.17), (-0.25, 0.17)]), colour)
    for side in (-0.22, 0.14):
        sheet.polygon(at([(side, 0.17), (side + 0.08, 0.17), (side + 0.08, 0.25), (side, 0.25)]), colour)
    sheet.polygon(at([(-0.14, -0.02), (-0.11, -0.13), (0.11, -0.13), (0.14, -0.02)]), WHITE)


def two_cars(sheet: Sheet, left: np.ndarray, right: np.ndarray) -> None:
    car(sheet, -0.31, left)
    car(sheet, 0.31, right)


def truck_and_car(sheet: Sheet, left: np.ndarray, right: np.ndarray) -> None:
    sheet.polygon([(-0.62, -0.3), (-0.12, -0.3), (-0.12, 0.17), (-0.62, 0.17)], left)
    for x in (-0.58, -0.26):
        sheet.polygon([(x, 0.17), (x + 0.1, 0.17), (x + 0.1, 0.26), (x, 0.26)], left)
    car(sheet, 0.31, right)


def truck(sheet: Sheet, colour: np.ndarray) -> None:
    """From the side, heading left."""
    sheet.polygon([(-0.2, -0.3), (0.56, -0.3), (0.56, 0.14), (-0.2, 0.14)], colour)
    sheet.polygon([(-0.54, 0.14), (-0.54, -0.06), (-0.42, -0.2), (-0.25, -0.2), (-0.25, 0.14)], colour)
    for x in (-0.38, 0.3):
        sheet.circle((x, 0.17), 0.11, colour)


def _person(sheet: Sheet, x: float, y: float, size: float) -> None:
    """Walking; y is the ground."""

    def p(points: Points) -> Points:
        return [(x + a * size, y + b * size) for a, b in points]

    sheet.circle(p([(0.02, -0.92)])[0], 0.09 * size, BLACK)
    sheet.line(p([(0, -0.75), (-0.02, -0.42)]), 0.17 * size, BLACK)
    sheet.line(p([(0, -0.42), (-0.2, -0.02)]), 0.09 * size, BLACK)
    sheet.line(p([(0, -0.42), (0.18, -0.24), (0.2, 0)]), 0.09 * size, BLACK)
    sheet.line(p([(-0.26, -0.5), (0, -0.72), (0.24, -0.48)]), 0.07 * size, BLACK)


def _intersection(s: Sheet) -> None:
    s.line([(0, 0.5), (0, -0.2)], 0.15, BLACK)
    s.polygon([(-0.15, -0.12), (0, -0.4), (0.15, -0.12)], BLACK)
    s.line([(-0.32, 0.22), (0.32, 0.22)], 0.08, BLACK)


def _exclamation(s: Sheet) -> None:
    s.polygon([(-0.1, -0.34), (0.1, -0.34), (0.05, 0.24), (-0.05, 0.24)], BLACK)
    s.circle((0, 0.4), 0.09, BLACK)


def _bend(s: Sheet, side: int) -> None:
    s.line([(-0.12 * side, 0.5), (-0.12 * side, 0.2), (0.12 * side, -0.08)], 0.13, BLACK)
    s.polygon([(0.2 * side, -0.28), (0.26 * side, 0.05), (-0.04 * side, -0.14)], BLACK)


def _bends(s: Sheet) -> None:
    s.line([(0.1, 0.5), (0.1, 0.32), (-0.12, 0.12), (0.1, -0.08)], 0.12, BLACK)
    s.polygon([(-0.08, -0.36), (0.2, -0.18), (0.02, 0.0)], BLACK)


def _rough(s: Sheet) -> None:
    s.polygon([(-0.5, 0.42), (0.5, 0.42), (0.5, 0.33), (-0.5, 0.33)], BLACK)
    for x in (-0.2, 0.2):
        turn = np.linspace(np.pi, 2 * np.pi, 12)
        s.polygon([(x + 0.19 * np.cos(a), 0.34 + 0.2 * np.sin(a)) for a in turn], BLACK)


def _slippery(s: Sheet) -> None:
    car(s, 0.0, BLACK, 0.85)
    for x in (-0.16, 0.16):
        s.line([(x, 0.26), (x + 0.08, 0.34), (x - 0.06, 0.42), (x + 0.03, 0.5)], 0.06, BLACK)


def _narrows(s: Sheet) -> None:
    s.line([(-0.18, 0.5), (-0.18, -0.22)], 0.1, BLACK)
    s.line([(0.26, 0.5), (0.26, 0.28), (0.06, 0.0), (0.06, -0.22)], 0.1, BLACK)


def _workers(s: Sheet) -> None:
    s.circle((-0.05, -0.2), 0.08, BLACK)
    s.line([(-0.02, -0.1), (-0.12, 0.16)], 0.16, BLACK)
    s.line([(-0.12, 0.16), (-0.28, 0.48)], 0.09, BLACK)
    s.line([(-0.1, 0.16), (0.06, 0.28), (0.04, 0.48)], 0.09, BLACK)
    s.line([(0, -0.04), (0.16, 0.14), (0.3, 0.4)], 0.06, BLACK)
    s.polygon([(0.16, 0.5), (0.3, 0.3), (0.48, 0.5)], BLACK)


def _lights(s: Sheet) -> None:
    s.rounded([(-0.1, -0.28), (0.1, -0.28), (0.1, 0.46), (-0.1, 0.46)], 0.05, BLACK)
    for y, colour in ((-0.18, RED), (0.09, YELLOW), (0.36, GREEN)):
        s.circle((0, y), 0.11, colour)


def _pedestrian(s: Sheet) -> None:
    _person(s, 0.02, 0.42, 0.72)
    for x in (-0.42, -0.2, 0.02, 0.24):
        s.polygon([(x, 0.44), (x + 0.12, 0.44), (x + 0.16, 0.53), (x + 0.02, 0.53)], BLACK)


def _children(s: Sheet) -> None:
    _person(s, -0.12, 0.5, 0.78)
    _person(s, 0.24, 0.5, 0.6)


def _bicycle(s: Sheet) -> None:
    for x in (-0.27, 0.27):
        s.circle((x, 0.28), 0.2, BLACK)
        s.circle((x, 0.28), 0.135, WHITE)
    s.line([(-0.27, 0.28), (-0.1, 0.0), (0.17, 0.0), (0.0, 0.28), (-0.27, 0.28)], 0.05, BLACK)
    s.line([(-0.1, 0.0), (0.0, 0.28)], 0.05, BLACK)
    s.line([(0.27, 0.28), (0.14, -0.14), (0.26, -0.14)], 0.05, BLACK)
    s.line([(-0.18, -0.06), (-0.04, -0.06)], 0.06, BLACK)


def _ice(s: Sheet) -> None:
    for turn in np.arange(3) * np.pi / 3:
        x, y = 0.34 * np.sin(turn), 0.34 * np.cos(turn)
        s.line([(-x, 0.16 - y), (x, 0.16 + y)], 0.06, BLACK)
    for turn in np.arange(6) * np.pi / 3:
        tip = np.array([0.24 * np.sin(turn), 0.16 + 0.24 * np.cos(turn)])
        for bend in (-0.6, 0.6):
            end = tip + 0.12 * np.array([np.sin(turn + bend), np.cos(turn + bend)])
            s.line([tuple(tip), tuple(end)], 0.04, BLACK)


def _deer(s: Sheet) -> None:
    s.polygon([(-0.3, 0.12), (-0.05, -0.02), (0.2, 0.0), (0.3, 0.16), (0.05, 0.22), (-0.22, 0.26)], BLACK)
    s.polygon([(0.12, 0.05), (0.22, -0.26), (0.4, -0.2), (0.3, 0.1)], BLACK)
    s.line([(0.24, -0.24), (0.14, -0.42)], 0.04, BLACK)
    s.line([(-0.24, 0.2), (-0.44, 0.46)], 0.06, BLACK)
    s.line([(-0.12, 0.2), (-0.24, 0.5)], 0.06, BLACK)
    s.line([(0.2, 0.15), (0.42, 0.3)], 0.06, BLACK)


WARNINGS: dict[int, Callable[[Sheet], None]] = {
    11: _intersection,
    18: _exclamation,
    19: lambda s: _bend(s, -1),
    20: lambda s: _bend(s, 1),
    21: _bends,
    22: _rough,
    23: _slippery,
    24: _narrows,
    25: _workers,
    26: _lights,
    27: _pedestrian,
    28: _children,
    29: _bicycle,
    30: _ice,
    31: _deer,
}


def _tip(s: Sheet, at: tuple[float, float], turn: float, size: float = 0.34) -> None:
    """An arrow head; turn 0 points up, positive clockwise."""
    c, d = np.cos(turn), np.sin(turn)
    head = [(0.0, -size), (size * 0.95, size * 0.4), (0.0, size * 0.12), (-size * 0.95, size * 0.4)]
    s.polygon([(at[0] + c * x - d * y, at[1] + d * x + c * y) for x, y in head], WHITE)


def _ahead(s: Sheet) -> None:
    s.line([(0, 0.7), (0, -0.3)], 0.22, WHITE)
    _tip(s, (0, -0.42), 0.0)


def _turn(s: Sheet, side: int) -> None:
    s.line(
        [(-0.28 * side, 0.62), (-0.28 * side, 0.0), (-0.1 * side, -0.14), (0.3 * side, -0.14)], 0.22, WHITE
    )
    _tip(s, (0.42 * side, -0.14), side * np.pi / 2)


def _ahead_or(s: Sheet, side: int) -> None:
    s.line([(-0.16 * side, 0.68), (-0.16 * side, -0.34)], 0.18, WHITE)
    _tip(s, (-0.16 * side, -0.46), 0.0, 0.28)
    s.line([(-0.16 * side, 0.4), (-0.04 * side, 0.1), (0.3 * side, 0.06)], 0.18, WHITE)
    _tip(s, (0.44 * side, 0.06), side * np.pi / 2, 0.28)


def _pass(s: Sheet, side: int) -> None:
    s.line([(-0.4 * side, -0.44), (0.3 * side, 0.34)], 0.22, WHITE)
    _tip(s, (0.4 * side, 0.44), side * 3 * np.pi / 4, 0.38)


def _roundabout(s: Sheet) -> None:
    for k in range(3):
        start = k * 2 * np.pi / 3
        turn = np.linspace(start, start + 1.35, 10)
        s.line([(0.52 * np.sin(a), -0.52 * np.cos(a)) for a in turn], 0.17, WHITE)
        end = start + 1.45
        _tip(s, (0.52 * np.sin(end), -0.52 * np.cos(end)), end + np.pi / 2, 0.26)


ARROWS: dict[int, Callable[[Sheet], None]] = {
    33: lambda s: _turn(s, 1),
    34: lambda s: _turn(s, -1),
    35: _ahead,
    36: lambda s: _ahead_or(s, 1),
    37: lambda s: _ahead_or(s, -1),
    38: lambda s: _pass(s, 1),
    39: lambda s: _pass(s, -1),
    40: _roundabout,
}

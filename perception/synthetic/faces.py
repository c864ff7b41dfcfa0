"""Faces of the 43 GTSRB traffic signs, drawn on sheets SIDE pixels square."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from perception.synthetic import pictograms
from perception.synthetic.pictograms import BLACK, BLUE, RED, WHITE, YELLOW, Sheet
from perception.synthetic.textures import pyramid

SIDE = 512
COUNT = 43
_NUMBERS = {0: "20", 1: "30", 2: "50", 3: "60", 4: "70", 5: "80", 7: "100", 8: "120"}
_TRIANGLES = (11, *range(18, 32))
_ARROWS = range(33, 41)
_ENDS = (6, 32, 41, 42)


@lru_cache(maxsize=COUNT)
def sign_face(class_id: int) -> tuple[np.ndarray, ...]:
    """The pyramid of premultiplied BGRA images (h, w, 4) of one class, 128 pixels and smaller."""
    sheet = Sheet(SIDE)
    if class_id in _NUMBERS:
        _ring(sheet)
        sheet.number(_NUMBERS[class_id], BLACK)
    elif class_id in _ENDS:
        _end(sheet, class_id)
    elif class_id in _TRIANGLES:
        _triangle(sheet)
        pictograms.WARNINGS[class_id](sheet)
    elif class_id in _ARROWS:
        sheet.circle((0, 0), 1.0, WHITE)
        sheet.circle((0, 0), 0.95, BLUE)
        pictograms.ARROWS[class_id](sheet)
    else:
        _OTHERS[class_id](sheet)
    return pyramid(cv2.resize(sheet.image, (128, 128), interpolation=cv2.INTER_AREA))


@lru_cache(maxsize=COUNT)
def extent(class_id: int) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of what is painted, as shares of the sheet."""
    painted = sign_face(class_id)[0][..., 3] > 127
    rows, columns = np.flatnonzero(painted.any(1)), np.flatnonzero(painted.any(0))
    h, w = painted.shape
    return columns[0] / w, rows[0] / h, (columns[-1] + 1) / w, (rows[-1] + 1) / h


def _ring(sheet: Sheet) -> None:
    sheet.circle((0, 0), 1.0, RED)
    sheet.circle((0, 0), 0.76, WHITE)


def _triangle(sheet: Sheet) -> None:
    sheet.rounded([(0, -0.86), (0.93, 0.76), (-0.93, 0.76)], 0.07, RED)
    sheet.rounded([(0, -0.5), (0.6, 0.56), (-0.6, 0.56)], 0.04, WHITE)


def _end(sheet: Sheet, class_id: int) -> None:
    grey = np.array([120, 120, 120])
    sheet.circle((0, 0), 1.0, BLACK)
    sheet.circle((0, 0), 0.96, WHITE)
    if class_id == 6:
        sheet.number("80", grey)
    elif class_id == 41:
        pictograms.two_cars(sheet, grey, grey)
    elif class_id == 42:
        pictograms.truck_and_car(sheet, grey, grey)
    for shift in (-0.28, -0.14, 0.0, 0.14, 0.28):
        half = 0.66 - abs(shift) * 0.3
        sheet.line([(-half + shift, half + shift), (half + shift, -half + shift)], 0.06, BLACK)


def _no_overtaking(sheet: Sheet) -> None:
    _ring(sheet)
    pictograms.two_cars(sheet, RED, BLACK)


def _no_overtaking_heavy(sheet: Sheet) -> None:
    _ring(sheet)
    pictograms.truck_and_car(sheet, RED, BLACK)


def _priority_road(sheet: Sheet) -> None:
    sheet.rounded([(0, -0.93), (0.93, 0), (0, 0.93), (-0.93, 0)], 0.06, WHITE)
    sheet.rounded([(0, -0.62), (0.62, 0), (0, 0.62), (-0.62, 0)], 0.04, YELLOW)


def _yield(sheet: Sheet) -> None:
    sheet.rounded([(0, 0.86), (0.93, -0.76), (-0.93, -0.76)], 0.07, RED)
    sheet.rounded([(0, 0.44), (0.56, -0.54), (-0.56, -0.54)], 0.04, WHITE)


def _stop(sheet: Sheet) -> None:
    turn = np.pi / 8 + np.arange(8) * np.pi / 4
    for radius, colour in ((1.0, WHITE), (0.94, RED)):
        sheet.polygon([(1.06 * radius * np.cos(a), 1.06 * radius * np.sin(a)) for a in turn], colour)
    sheet.text("STOP", (0, 0), 1.42, WHITE, 0.1)


def _no_vehicles(sheet: Sheet) -> None:
    _ring(sheet)


def _no_trucks(sheet: Sheet) -> None:
    _ring(sheet)
    pictograms.truck(sheet, BLACK)


def _do_not_enter(sheet: Sheet) -> None:
    sheet.circle((0, 0), 1.0, WHITE)
    sheet.circle((0, 0), 0.96, RED)
    sheet.polygon([(-0.72, -0.16), (0.72, -0.16), (0.72, 0.16), (-0.72, 0.16)], WHITE)


_OTHERS = {
    9: _no_overtaking,
    10: _no_overtaking_heavy,
    12: _priority_road,
    13: _yield,
    14: _stop,
    15: _no_vehicles,
    16: _no_trucks,
    17: _do_not_enter,
}

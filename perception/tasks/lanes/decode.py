"""Maps to lines: the run-time half of lane detection.

Strokes of the line map are followed along their ridge, joined across gaps, smoothed, and looked up in the
paint map. A cell of the maps is two network pixels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from perception.camera import CameraModel
from perception.kernels import cpu
from perception.kernels.reference import STEP
from perception.letterbox import Letterbox
from perception.tasks.lanes.link import link, smooth
from perception.types import Frame, LaneLine, Size

UNKNOWN, SOLID, DASHED = range(3)
CELL = 2  # network pixels
EDGE = -2.5  # logit: what is above it counts as the soft edge of a stroke
MAX_STROKES = 64
MAX_POINTS = 8192  # of all strokes
MIN_POINTS = 3  # of a stroke
WIDEST = 9.0  # cells, mean of a stroke: wider is a surface
KEEP = 2  # every second point of a smooth line is given out, and so are both its ends
AROUND = np.stack(np.meshgrid([-1, 0, 1], [-1, 0, 1]), axis=-1).reshape(9, 2)
FARTHEST = 80.0  # metres: beyond, a pixel of pitch is worth more than a lane


@dataclass(frozen=True)
class LaneSettings:
    threshold: float  # probability
    min_length: float  # network pixels


class Line(NamedTuple):
    """A line on the maps."""

    points: np.ndarray  # (m, 2) cells, near to far, m odd
    score: float


def decode(maps: np.ndarray, frame: Frame, box: Letterbox, settings: LaneSettings) -> tuple[LaneLine, ...]:
    """Lane lines in image pixels, left to right, from logits (2 f^2, h, w): line, paint."""
    line, paint = np.split(maps, 2)
    corner, window = _inside(box)
    probability = np.ascontiguousarray(cpu.probability_above(line, EDGE)[window])
    found = link(strokes(probability, settings.threshold))
    lines = [Line(_near_to_far(smooth(rows[:, :2])), rows[:, 2].sum() / len(rows)) for rows in found]
    shortest = settings.min_length / CELL / STEP
    lines = [line for line in lines if len(line.points) > shortest]
    lines.sort(key=lambda line: _x_at_bottom(line.points, len(probability)))
    return tuple(_lane_lines(lines, paint, corner, frame, box)) if lines else ()


def strokes(probability: np.ndarray, least: float) -> list[np.ndarray]:
    """Ridges of a map (h, w) above `least`: rows (x, y, probability, width) in cells, in order along each."""
    points, begins = np.empty((MAX_POINTS, 4)), np.empty(MAX_STROKES + 1, np.int64)
    taken = np.zeros(probability.shape, np.bool_)
    seeds = np.flatnonzero(probability > least)[::-1].copy()
    count = cpu.trace(probability, seeds, taken, least, points, begins)
    found = (points[a:b] for a, b in pairwise(begins[: count + 1]))
    return [s for s in found if len(s) >= MIN_POINTS and s[:, 3].sum() <= WIDEST * len(s)]


def _inside(box: Letterbox) -> tuple[np.ndarray, tuple[slice, slice]]:
    """First cell (x, y) of the map that lies in the image, and the window of all of them."""
    first = -(-np.array(box.offset) // CELL)
    last = (np.array(box.offset) + box.inner) // CELL
    return first, (slice(first[1], last[1]), slice(first[0], last[0]))


def _near_to_far(points: np.ndarray) -> np.ndarray:
    return points if points[0, 1] >= points[-1, 1] else points[::-1]


def _x_at_bottom(points: np.ndarray, bottom: int) -> float:
    """Where a line's near end, drawn on, meets the lowest row."""
    (x, y), (far_x, far_y) = points[0], points[min(len(points) - 1, 8)]
    return float(x + (far_x - x) * (bottom - y) / min(far_y - y, -0.1))


def _lane_lines(
    lines: list[Line], paint: np.ndarray, corner: np.ndarray, frame: Frame, box: Letterbox
) -> Iterator[LaneLine]:
    """What users see of lines; the points of all of them go through each step together."""
    cells = np.concatenate([line.points for line in lines]) + corner
    image = np.clip(box.to_image(cells * CELL), 0, np.array(box.image, np.float32))
    road = None if frame.camera is None else _on_road(image, frame.camera, frame.size)
    on_paint = painted(paint, cells)
    end = 0
    for line in lines:
        begin, end = end, end + len(line.points)
        rows = slice(begin, end, KEEP)
        kind = kind_of(on_paint[begin:end])
        yield LaneLine(image[rows], None if road is None else road[rows], float(line.score), kind)


def _on_road(points: np.ndarray, camera: CameraModel, size: Size) -> np.ndarray:
    """Image points (m, 2) to vehicle x, y in metres (m, 2) float32; NaN where too far to say."""
    road = (camera if camera.size == size else camera.scaled(size)).to_road(points)
    road[~(road[:, 0] <= FARTHEST)] = np.nan
    return road.astype(np.float32)


def painted(paint: np.ndarray, cells: np.ndarray) -> np.ndarray:
    """Whether logits (f * f, h, w) see paint in the 3x3 cells around each of points (n, 2): (n,) bool."""
    channels, height, width = paint.shape
    f = math.isqrt(channels)
    column, row = (np.minimum(np.maximum(cells, 1), (f * width - 2, f * height - 2))).astype(np.int64).T
    column, row = column[:, None] + AROUND[:, 0], row[:, None] + AROUND[:, 1]
    return (paint[row % f * f + column % f, row // f, column // f] > 0).any(axis=1)


def kind_of(paint: np.ndarray) -> int:
    """Solid, dashed or unknown from where along the line there is paint, (n,) bool."""
    duty = np.count_nonzero(paint) / len(paint)
    if duty > 0.8:
        return SOLID
    changes = np.count_nonzero(paint[1:] != paint[:-1])
    return DASHED if 0.15 <= duty <= 0.7 and changes >= 3 else UNKNOWN

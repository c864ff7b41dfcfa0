"""Maps to lines: the run-time half of lane detection.

Strokes of the line map are followed along their ridge, joined across gaps, smoothed, and looked up in the
paint map. A cell of the maps is two network pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from perception.camera import CameraModel
from perception.kernels import cpu
from perception.kernels.lines import parabolas
from perception.kernels.strokes import STEP
from perception.letterbox import Letterbox
from perception.types import Frame, LaneLine, Size

UNKNOWN, SOLID, DASHED, DOUBLE, ROAD_EDGE = range(5)  # LaneLine.kind; the last is a kerb, verge or barrier
CELL = 2  # network pixels
MAX_STROKES = 64
MAX_POINTS = 8192  # of all strokes
FITS = parabolas()
FARTHEST = 80.0  # metres: beyond, a pixel of pitch is worth more than a lane


@dataclass(frozen=True)
class LaneSettings:
    threshold: float  # probability
    min_length: float  # network pixels


def decode(maps: np.ndarray, frame: Frame, box: Letterbox, settings: LaneSettings) -> tuple[LaneLine, ...]:
    """Lane lines in image pixels, left to right, from logits (2 f^2, h, w): line, paint."""
    line, paint = maps[: len(maps) // 2], maps[len(maps) // 2 :]
    first, shape, to_image = _geometry(box)
    points, begins = np.empty((MAX_POINTS, 4)), np.empty(MAX_STROKES + 1, np.int64)
    count = cpu.strokes(line, first, shape, settings.threshold, points, begins)
    shortest = settings.min_length / CELL / STEP
    image, ends, facts = cpu.lines(points, begins, count, paint, to_image, FITS, shortest, float(shape[0]))
    road = None if frame.camera is None else _on_road(image, frame.camera, frame.size)
    return tuple(
        LaneLine(image[a:b], None if road is None else road[a:b], score, kind_of(duty, changes))
        for (a, b), (score, duty, changes) in zip(pairwise(ends.tolist()), facts.tolist(), strict=True)
    )


def maps_of(cells: np.ndarray, logits: np.ndarray, paint: np.ndarray, box: Letterbox) -> np.ndarray:
    """The maps (2, h, w) as far as `decode` reads them, from what a backend has picked out of them itself.

    `cells` (n,) flat indices of the line map's cells above SOFT, `logits` (n,) theirs; `paint` (h w / 32,)
    uint32, bit k of word i telling whether cell 32 i + k of the paint map is above 0.
    """
    width, height = (size // CELL for size in box.network)
    maps = np.full((2, height * width), -np.inf, np.float32)
    maps[0, cells] = logits
    bits = np.unpackbits(paint.view(np.uint8), bitorder="little", count=height * width)
    maps[1] = np.where(bits, np.float32(1), np.float32(-1))
    return maps.reshape(2, height, width)


@lru_cache(8)
def _geometry(box: Letterbox) -> tuple[tuple[int, int], tuple[int, int], np.ndarray]:
    """First cell (row, column) of the map that lies in the image, (rows, columns) of them, `to_image`."""
    left, top = (-(-offset // CELL) for offset in box.offset)
    right, bottom = ((offset + inner) // CELL for offset, inner in zip(box.offset, box.inner, strict=True))
    to_image = np.array(((left, top), np.array(box.offset) / CELL, CELL / box.scale, box.image), np.float64)
    return (top, left), (bottom - top, right - left), to_image


def _on_road(points: np.ndarray, camera: CameraModel, size: Size) -> np.ndarray:
    """Image points (m, 2) to vehicle x, y in metres (m, 2) float32; NaN where too far to say."""
    road = (camera if camera.size == size else camera.scaled(size)).to_road(points)
    road[~(road[:, 0] <= FARTHEST)] = np.nan
    return road.astype(np.float32)


def kind_of(duty: float, changes: float) -> int:
    """Solid, dashed or unknown: from the share of a line that has paint and how often that changes."""
    if duty > 0.8:
        return SOLID
    return DASHED if 0.15 <= duty <= 0.7 and changes >= 3 else UNKNOWN

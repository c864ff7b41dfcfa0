"""Maps to lines: the run-time half of lane detection.

Strokes of the line map are followed along their ridge, joined across gaps, smoothed, and looked up in the
paint map. A line must be sure for a while, and is followed beyond for as long as it is likely (hysteresis, as
Canny 1986 follows edges). The same is done to the map of road edges, but for the cells that lane lines have
taken: where a kerb runs along a painted line, there is one line, and it is paint. Where there is no paint and
the edge is about as likely as the line, it is an edge. A cell of the maps is two network pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from heapq import merge
from itertools import pairwise

import numpy as np

from perception.camera import CameraModel
from perception.kernels import cpu
from perception.kernels.lines import PAINT, parabolas
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
    threshold: float  # probability that a line has for more than
    min_length: float  # network pixels
    edge_threshold: float = 0.5  # likewise of a road edge
    follow_threshold: float = 1.0  # probability along the rest of a line, if it is below `threshold`


def decode(
    maps: np.ndarray,
    frame: Frame,
    box: Letterbox,
    settings: LaneSettings,
    edges: np.ndarray | None = None,
) -> tuple[LaneLine, ...]:
    """Lane lines and road edges in image pixels, left to right, from logits.

    `maps` (2 f^2, h, w): line, paint; `edges` (f^2, h, w), None: the network tells no road edges.
    """
    line, paint = maps[: len(maps) // 2], maps[len(maps) // 2 :]
    if edges is not None:
        line = cpu.without_edges(line, edges, paint, PAINT)
    taken = np.zeros(_geometry(box)[1], np.bool_)
    sure, shortest = settings.threshold, settings.min_length
    limits = min(sure, settings.follow_threshold), sure
    lines = _as_lanes(_followed(line, paint, limits, shortest, box, taken), frame)
    if edges is None:
        return tuple(lines)
    limits = settings.edge_threshold, settings.edge_threshold
    found = _as_lanes(_followed(edges, edges, limits, shortest, box, taken), frame, True)
    return tuple(merge(lines, found, key=lambda line: _foot(line.image, frame.size[1])) if found else lines)


def _followed(
    line: np.ndarray,
    paint: np.ndarray,
    limits: tuple[float, float],
    min_length: float,
    box: Letterbox,
    taken: np.ndarray,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What `lines.lines` gives of one map (f^2, h, w); `taken` as in `strokes.trace`.

    `limits`: probabilities down to which a line is followed, and above which it is sure.
    """
    least, sure = limits
    first, shape, to_image = _geometry(box)
    points, begins = np.empty((MAX_POINTS, 4)), np.empty(MAX_STROKES + 1, np.int64)
    count = cpu.strokes(line, first, taken, least, points, begins)
    shortest = min_length / CELL / STEP
    return cpu.lines(points, begins, count, paint, to_image, FITS, shortest, sure, float(shape[0]))


def _as_lanes(
    found: tuple[np.ndarray, np.ndarray, np.ndarray], frame: Frame, edges: bool = False
) -> list[LaneLine]:
    """Lines that were followed, with their road points; `edges`: all are road edges."""
    image, ends, facts = found
    road = None if frame.camera is None else _on_road(image, frame.camera, frame.size)
    return [
        LaneLine(
            image[a:b],
            None if road is None else road[a:b],
            score,
            ROAD_EDGE if edges else kind_of(duty, changes),
        )
        for (a, b), (score, duty, changes) in zip(pairwise(ends.tolist()), facts.tolist(), strict=True)
    ]


def _foot(image: np.ndarray, bottom: float) -> float:
    """x where a line, drawn on from its near end, meets the row `bottom`: as in `lines.left_to_right`."""
    (x, y), (far_x, far_y) = image[0].tolist(), image[min(4, len(image) - 1)].tolist()
    return float(x + (far_x - x) * (bottom - y) / min(far_y - y, -0.1))


def maps_of(cells: np.ndarray, logits: np.ndarray, paint: np.ndarray, box: Letterbox) -> np.ndarray:
    """The maps (2, h, w) as far as `decode` reads them, from what a backend has picked out of them itself.

    `paint` (h w / 32,) uint32, bit k of word i telling whether cell 32 i + k of the paint map is above PAINT;
    `cells` and `logits` as with `map_of`.
    """
    line = map_of(cells, logits, box)
    bits = np.unpackbits(paint.view(np.uint8), bitorder="little", count=line.size)
    levels = np.where(bits, np.float32(PAINT + 1), np.float32(PAINT - 1))
    return np.concatenate([line, levels.reshape(line.shape)])


def map_of(cells: np.ndarray, logits: np.ndarray, box: Letterbox) -> np.ndarray:
    """A map (1, h, w) of its `cells` (n,), flat indices of those above SOFT, and `logits` (n,), theirs."""
    width, height = (size // CELL for size in box.network)
    line = np.full(height * width, -np.inf, np.float32)
    line[cells] = logits
    return line.reshape(1, height, width)


@lru_cache(8)
def _geometry(box: Letterbox) -> tuple[tuple[int, int], tuple[int, int], np.ndarray]:
    """First cell (row, column) of the map that lies in the image, (rows, columns) of them, `to_image`."""
    left, top = (-(-offset // CELL) for offset in box.offset)
    right, bottom = ((offset + inner) // CELL for offset, inner in zip(box.offset, box.inner, strict=True))
    to_image = np.array(((left, top), np.array(box.offset) / CELL, CELL / box.scale, box.image), np.float64)
    return (top, left), (bottom - top, right - left), to_image


def _on_road(points: np.ndarray, camera: CameraModel, size: Size) -> np.ndarray:
    """Image points (m, 2) to vehicle x, y in metres (m, 2) float32; NaN where too far to say."""
    road = camera.at(size).to_road(points)
    road[~(road[:, 0] <= FARTHEST)] = np.nan
    return road.astype(np.float32)


def kind_of(duty: float, changes: float) -> int:
    """Solid, dashed or unknown: from the share of a line that has paint and how often that changes."""
    if duty > 0.95:
        return SOLID
    return DASHED if 0.15 <= duty <= 0.9 and changes >= 2 else UNKNOWN

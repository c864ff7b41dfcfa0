"""What a perfect observer would report about a rendered frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from perception.camera import CameraModel
from perception.synthetic.canvas import Canvas
from perception.synthetic.ground import CORNER
from perception.synthetic.layout import DRIVABLE, ROAD_EDGE, Layout, Line
from perception.synthetic.legible import Legible
from perception.synthetic.light import Light
from perception.synthetic.road import Strip
from perception.synthetic.who import Who
from perception.types import ClassMap, Detections, LaneLine, Signs

SMALLEST = 6.0  # pixels; an object with a shorter longer side is ignored
SHARE = 0.35  # of an object that must be visible
EDGE = 0.15  # metres: an edge of the road is seen as far as a line of that width
NOWHERE = np.empty((0, 2))
WHOLE = 0.9  # visible share from which the full outline is the box


@dataclass(frozen=True, eq=False)
class Seen:
    """One painted object; its id on the canvas is FIRST + its place in the list."""

    ident: int
    class_id: int
    sign: int  # class of the sign, -1 for other things
    outline: np.ndarray  # (4,) x1, y1, x2, y2, not clipped
    area: int  # pixels it claimed when painted
    distance: float
    who: Who


class Notes:
    """Writes down what was just painted."""

    def __init__(self, canvas: Canvas, seen: list[Seen], distance: float, who: Who) -> None:
        self.canvas, self.seen, self.distance, self.who = canvas, seen, distance, who

    def add(self, outline: np.ndarray | None, class_id: int, sign: int = -1) -> None:
        """`outline`: points (k, 2) in pixels, None if nothing was painted."""
        ident = 2 + len(self.seen)
        if outline is None:
            return
        box = np.concatenate([outline.min(0), outline.max(0)])
        x1, y1, x2, y2 = window(box, self.canvas.ids.shape)
        area = int((self.canvas.ids[y1:y2, x1:x2] == ident).sum())
        self.seen.append(Seen(ident, class_id, sign, box, area, self.distance, self.who))


def window(box: np.ndarray, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Whole pixels that a box touches, inside the image."""
    h, w = shape
    low, high = np.floor(box[:2]) - 1, np.ceil(box[2:]) + 1
    x1, y1 = np.clip(low, 0, (w, h)).astype(int)
    x2, y2 = np.clip(high, 0, (w, h)).astype(int)
    return int(x1), int(y1), int(x2), int(y2)


def objects(
    canvas: Canvas, seen: list[Seen], legible: Legible | None = None
) -> tuple[Detections, Signs, np.ndarray]:
    """Boxes of what can fairly be asked for, the signs among them, and the boxes (k, 4) of the rest."""
    kept, boxes, ignored = [], [], []
    for thing in seen:
        box, visible = _visible(canvas.ids, thing)
        if visible <= 0:
            continue
        small = max(box[2:] - box[:2]) < SMALLEST or min(box[2:] - box[:2]) < 2
        if visible < SHARE or small or (legible and not legible.thing(box)):
            ignored.append(box)
        else:
            kept.append(thing)
            boxes.append(box)
    xyxy = np.array(boxes, np.float32).reshape(-1, 4)
    ids = np.array([x.class_id for x in kept], np.int32)
    faces = np.array([x.sign for x in kept], np.int32)
    ones = np.ones(len(kept), np.float32)
    signs = Signs(xyxy[faces >= 0], faces[faces >= 0], ones[faces >= 0])
    found = Detections(
        xyxy,
        ones,
        ids,
        np.array([x.who.number for x in kept], np.int64),
        road=np.array([x.who.road for x in kept], np.float32).reshape(-1, 2),
        velocity=np.array([x.who.velocity for x in kept], np.float32).reshape(-1, 2),
    )
    return found, signs, np.array(ignored, np.float32).reshape(-1, 4)


def _visible(ids: np.ndarray, thing: Seen) -> tuple[np.ndarray, float]:
    """The box (4,) of what can be seen of it, and the share of it that can be seen."""
    h, w = ids.shape
    clipped = np.clip(thing.outline, 0, (w, h, w, h))
    x1, y1, x2, y2 = window(thing.outline, ids.shape)
    mine = ids[y1:y2, x1:x2] == thing.ident
    count = int(mine.sum())
    if not thing.area or not count:
        return clipped, 0.0
    inside = np.prod(clipped[2:] - clipped[:2]) / max(np.prod(thing.outline[2:] - thing.outline[:2]), 1e-6)
    clear = count / thing.area
    if clear > WHOLE:
        return clipped, inside * clear
    rows, columns = np.flatnonzero(mine.any(1)), np.flatnonzero(mine.any(0))
    found = np.array([x1 + columns[0], y1 + rows[0], x1 + columns[-1] + 1, y1 + rows[-1] + 1], float)
    return np.array(
        [*np.maximum(found[:2], clipped[:2]), *np.minimum(found[2:], clipped[2:])]
    ), inside * clear


def free_road(layout: Layout, surface: np.ndarray, free: np.ndarray) -> ClassMap:
    right, left = layout.edges
    paved = [m in DRIVABLE and right - 1e-6 <= a and b <= left + 1e-6 for a, b, m in layout.bands]
    table = np.array([False, *paved, True])  # side roads last
    return ClassMap((table[surface] & free).astype(np.uint8), (free.shape[1], free.shape[0]))


def lanes(
    layout: Layout,
    strip: Strip,
    camera: CameraModel,
    light: Light,
    free: np.ndarray,
    mouths: np.ndarray,
    legible: Legible | None = None,
) -> tuple[LaneLine, ...]:
    """The visible stretches of all lines and of the road's edges, left to right at the bottom of the image.

    mouths: (n, 3) s from, s to, side (-1 right) of side roads, where there is no edge.
    """
    found = [piece for line in layout.lines for piece in _line(line, strip, camera, light, free)]
    for side, d in zip((-1, 1), layout.edges, strict=True):
        edge = Line(d, ROAD_EDGE, ())
        gaps = mouths[mouths[:, 2] == side, :2] + (-CORNER, CORNER)
        found += _line(edge, strip, camera, light, free, gaps)
    if legible:
        found = [_up_to(x, end) for x in found if (end := legible.last(x.image)) > 2]
    return tuple(sorted(found, key=lambda x: _foot(x, free.shape[0])))


def _up_to(line: LaneLine, end: int) -> LaneLine:
    return replace(line, image=line.image[:end], road=None if line.road is None else line.road[:end])


def _foot(line: LaneLine, bottom: int) -> float:
    """x where the line, drawn on straight, meets the lower edge of the image."""
    (x0, y0), (x1, y1) = line.image[0], line.image[min(5, len(line.image) - 1)]
    return float(x0 + (x1 - x0) / min(y1 - y0, -1e-3) * (bottom - y0))


def reach(camera: CameraModel, light: Light, width: float) -> float:
    """Metres at which a line that wide is 0.75 pixels wide at 640 pixels image width, or haze hides it."""
    sharp = width * camera.fx * 640 / camera.size[0] / 0.75
    return min(sharp, 1.1 / light.haze, 120.0)


def _line(
    line: Line,
    strip: Strip,
    camera: CameraModel,
    light: Light,
    free: np.ndarray,
    gaps: np.ndarray = NOWHERE,
) -> list[LaneLine]:
    """Cut where something hides it for longer than a few pixels, and in `gaps` (n, 2), s from and to."""
    here = float(np.interp(0.0, strip.xy[:, 0], strip.s))
    end = reach(camera, light, sum(k.width for k in line.strokes) or EDGE)
    ahead = np.concatenate([np.arange(0.5, 20, 0.25), np.arange(20, end, 1.0)])
    road = strip.to_vehicle(here + ahead, line.d)
    image = camera.project(np.column_stack([road, np.zeros(len(road))]))
    h, w = free.shape
    inside = (np.nan_to_num(image, nan=-1) >= 0).all(1) & (np.nan_to_num(image, nan=1e9) < (w, h)).all(1)
    pixel = np.clip(np.nan_to_num(image), 0, (w - 1, h - 1)).astype(int)
    clear = inside & free[pixel[:, 1], pixel[:, 0]]
    s = here + ahead[:, None]
    clear &= ~((s > gaps[:, 0]) & (s < gaps[:, 1])).any(1)
    pieces = []
    for a, b in _runs(clear, image, 0.012 * w):
        if np.ptp(image[a:b], 0).max() > 0.03 * w and b - a > 2:
            pieces.append(
                LaneLine(image[a:b].astype(np.float32), road[a:b].astype(np.float32), 1.0, line.kind)
            )
    return pieces


def _runs(clear: np.ndarray, image: np.ndarray, bridge: float) -> list[tuple[int, int]]:
    """Stretches [a, b) of clear points; a hidden gap shorter than `bridge` pixels does not end one."""
    runs: list[tuple[int, int]] = []
    edges = np.flatnonzero(np.diff(np.concatenate([[0], clear.astype(np.int8), [0]])))
    for a, b in edges.reshape(-1, 2):
        if runs and np.linalg.norm(image[a] - image[runs[-1][1] - 1]) < bridge:
            runs[-1] = (runs[-1][0], int(b))
        else:
            runs.append((int(a), int(b)))
    return runs

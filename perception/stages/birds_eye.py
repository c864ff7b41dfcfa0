"""The scene from above, in metres, as an inset at the upper right of the overlay: `--bev`.

Own car at the bottom, ahead is up. A grid of 10 m ahead and 5 m aside; lane lines, predicted ones dotted; the
ego path between its lines; objects with number and speed over ground, their heading as a stroke of one second
of driving, and a thin ellipse of one standard deviation. What a warning is about is red,
what another event is about white.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import cv2
import numpy as np

from perception.stages.assist import EVENTS
from perception.stages.assist.path import Path, path_of
from perception.tasks import tags
from perception.types import Detections, LaneLine, Scene

AHEAD, BEHIND, ASIDE = 60.0, 5.0, 12.5  # metres: what is shown, at most
HIGH, LEAST, FINEST = 0.62, 290, 5.0  # share of the image's height; at least so many pixels, pixels a metre
OPACITY = 0.86
GROUND, GRID, NUMBER, OWN = (34, 30, 27), (66, 60, 55), (150, 142, 134), (245, 245, 245)
EGO_LINE, OTHER_LINE, EDGE, FAINT = (120, 235, 255), (185, 185, 185), (70, 90, 170), (120, 120, 120)
PATH, WARNED, LABEL = (70, 95, 40), (70, 70, 245), (230, 230, 230)
CAR, BODY, POST = (4.4, 1.8), 0.45, 0.3  # metres: length and width; radii of persons, and of what stands
OWN_SHAPE = (
    (0.0, 0.7), (0.8, 0.4), (0.8, -0.4), (0.0, -0.7),
    (-0.8, -0.9), (-3.4, -0.9), (-3.4, 0.9), (-0.8, 0.9),
)  # fmt: skip
SLOWEST = 1.0  # m/s: below, a heading says nothing
SURE = (0.8, 12.0)  # metres: sigma that is drawn; less is hidden by the object, more is all of the picture
MOST_LABELS = 10
BACKING = np.array(GROUND, np.uint8) // 4 * 3  # under a label: three parts of it, one of what is there
BITS = 4  # behind the point of OpenCV's coordinates
KMH = 3.6


class BirdsEye:
    """A painter of `Detections.road` and `LaneLine.road`."""

    def __init__(self, classes: Sequence[str]) -> None:
        """The class names of objects."""
        self._vehicles = [name in ("vehicle", "motorbike") for name in classes]
        self._fixed = [name.startswith("traffic") for name in classes]

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        """Nothing on an image that is too small for it."""
        view = _view(canvas.shape[0], canvas.shape[1])
        if view is None:
            return
        panel = _ground(view).copy()
        found, lanes = scene.detections, [line for line in scene.lanes or () if line.road is not None]
        if not lanes and (found is None or found.road is None):
            _write(panel, "no calibrated camera", (6, view.height - 8), NUMBER, view)
        _path(panel, view, path_of(lanes, None), lanes)
        for line in lanes:
            _line(panel, view, line)
        if found is not None and found.road is not None:
            told = sorted(scene.events or (), key=lambda event: EVENTS[event.name].warns)
            warned = {event.track: WARNED if EVENTS[event.name].warns else OWN for event in told}
            self._objects(panel, view, found, warned)
        margin = view.margin
        below = canvas[margin : margin + view.height, canvas.shape[1] - margin - view.width : -margin]
        cv2.addWeighted(panel, OPACITY, below, 1 - OPACITY, 0, below)

    def _objects(
        self, panel: np.ndarray, view: View, found: Detections, warned: dict[int | None, tags.Colour]
    ) -> None:
        assert found.road is not None
        taken: list[tuple[float, float, float, float]] = []
        far = np.hypot(*np.nan_to_num(found.road, nan=np.inf).T)
        order = [k for k in np.argsort(far).tolist() if view.holds(*found.road[k].tolist())]
        for k in reversed(order):
            self._object(panel, view, found, k, warned)
        for k in order[:MOST_LABELS]:
            if found.track is not None and found.track[k] >= 0 and not self._fixed[found.class_id[k]]:
                _label(panel, view, found, k, taken)

    def _object(
        self, panel: np.ndarray, view: View, found: Detections, k: int, warned: dict[int | None, tags.Colour]
    ) -> None:
        assert found.road is not None
        colour = tags.COLOURS[found.class_id[k] % len(tags.COLOURS)]
        track = -1 if found.track is None else int(found.track[k])
        velocity = _velocity(found, k)
        seen = found.age_ms is None or not found.age_ms[k] > 0
        at, class_id = found.road[k].astype(np.float64), int(found.class_id[k])
        fill, edge = colour if seen and track >= 0 else GROUND, warned.get(track, colour)
        thick = 2 if track in warned else 1
        if self._vehicles[class_id]:
            shape = view.pixels(_car(at, velocity))
            cv2.fillPoly(panel, [shape], fill, cv2.LINE_AA, BITS)
            cv2.polylines(panel, [shape], True, edge, thick, cv2.LINE_AA, BITS)
        else:
            radius = round(max(view.scale * (POST if self._fixed[class_id] else BODY), 2.5) * (1 << BITS))
            for paint, width in ((fill, cv2.FILLED), (edge, thick)):
                cv2.circle(panel, view.pixel(at), radius, paint, width, cv2.LINE_AA, BITS)
        if velocity is not None and np.hypot(*velocity) > SLOWEST:
            middle = at + (CAR[0] / 2 * at / max(np.hypot(*at), 1.0) if self._vehicles[class_id] else 0)
            cv2.line(panel, view.pixel(middle), view.pixel(middle + velocity), edge, 1, cv2.LINE_AA, BITS)
        if found.sigma_m is not None and SURE[0] < found.sigma_m[k] < SURE[1] and track >= 0:
            _ellipse(panel, view, at, float(found.sigma_m[k]), colour)


class View(NamedTuple):
    """Where the panel is and how large; pixels, and pixels a metre."""

    width: int
    height: int
    margin: int
    scale: float
    font: float

    def pixels(self, points: np.ndarray) -> np.ndarray:
        """Road points (n, 2) to (n, 2) int32 panel coordinates with BITS behind the point."""
        x = self.width / 2 - points[:, 1] * self.scale
        y = self.height - (points[:, 0] + BEHIND) * self.scale
        return np.round(np.clip(np.stack([x, y], 1), -2000, 4000) * (1 << BITS)).astype(np.int32)

    def pixel(self, point: np.ndarray) -> tuple[int, int]:
        x, y = self.pixels(point[None])[0].tolist()
        return x, y

    def holds(self, x: float, y: float) -> bool:
        """Whether a road point is shown; not if it is NaN."""
        return 0 <= x < self.height / self.scale - BEHIND and abs(y) < self.width / self.scale / 2 - 0.5


@lru_cache(4)
def _view(height: int, width: int) -> View | None:
    high = min(max(round(HIGH * height), LEAST), round(0.94 * height))
    scale = max(high / (AHEAD + BEHIND), FINEST)
    wide = min(round(2 * ASIDE * scale), width // 3)
    if wide < 90 or high < 160:
        return None
    return View(wide, high, max(4, round(0.012 * height)), scale, 0.36 * max(1.0, height / 900))


@lru_cache(4)
def _ground(view: View) -> np.ndarray:
    """The grid with its metres, and the own car."""
    panel = np.full((view.height, view.width, 3), GROUND, np.uint8)
    for left in (-10, -5, 5, 10):
        ends = view.pixels(np.array([(-BEHIND, left), (AHEAD + BEHIND, left)], np.float64))
        cv2.line(panel, ends[0].tolist(), ends[1].tolist(), GRID, 1, cv2.LINE_AA, BITS)
    for ahead in range(0, int(view.height / view.scale - BEHIND) + 1, 10):
        y = view.pixel(np.array((ahead, 0.0)))[1] >> BITS
        cv2.line(panel, (0, y), (view.width, y), GRID, 1)
        _write(panel, f"{ahead} m" if ahead == 10 else f"{ahead}", (3, y - 3), NUMBER, view)
    own = view.pixels(np.array(OWN_SHAPE))
    cv2.fillPoly(panel, [own], OWN, cv2.LINE_AA, BITS)
    cv2.rectangle(panel, (0, 0), (view.width - 1, view.height - 1), GRID, 1)
    return panel


def _path(panel: np.ndarray, view: View, path: Path, lanes: Sequence[LaneLine]) -> None:
    if not path.by_lines:
        return
    ends = [_end(line) for line in lanes if line.role.startswith("ego")]
    x = np.linspace(0, min(max(ends, default=0.0), AHEAD), 16)
    middle = path.shift + x * (path.slope + x * path.bend)
    sides = [np.stack([x, middle + side * path.half_width], 1) for side in (1, -1)]
    cv2.fillPoly(panel, [view.pixels(np.concatenate([sides[0], sides[1][::-1]]))], PATH, cv2.LINE_AA, BITS)


def _line(panel: np.ndarray, view: View, line: LaneLine) -> None:
    assert line.road is not None
    points = _spaced(view.pixels(line.road[_known(line)].astype(np.float64)))
    if len(points) < 2:
        return
    ego = line.role.startswith("ego")
    colour = FAINT if line.predicted else EGO_LINE if ego else OTHER_LINE if line.role else EDGE
    if line.predicted:
        for piece in _dashes(points):
            cv2.polylines(panel, [piece], False, colour, 1, cv2.LINE_AA, BITS)
    else:
        cv2.polylines(panel, [points], False, colour, 2 if ego else 1, cv2.LINE_AA, BITS)


def _spaced(points: np.ndarray, apart: int = 5 << BITS) -> np.ndarray:
    """Points of a polyline without those that are so near to one that is kept that it looks like beads."""
    kept = points[:1].tolist()
    for x, y in points[1:].tolist():
        if max(abs(x - kept[-1][0]), abs(y - kept[-1][1])) >= apart:
            kept.append([x, y])
    return np.array(kept, np.int32).reshape(-1, 2)


def _end(line: LaneLine) -> float:
    """How far ahead it reaches, metres."""
    assert line.road is not None
    return float(line.road[_known(line), 0].max(initial=0.0))


def _known(line: LaneLine) -> np.ndarray:
    assert line.road is not None
    return np.isfinite(line.road).all(1)


def _dashes(points: np.ndarray, dash: float = 6.0) -> Iterator[np.ndarray]:
    """Pieces (2, 2) of a polyline, `dash` pixels long and as far apart."""
    along = np.concatenate([[0.0], np.hypot(*np.diff(points, axis=0).T).cumsum()]) / (1 << BITS)
    for begin in np.arange(0, along[-1], 2 * dash):
        ends = np.array((begin, min(begin + dash, along[-1])))
        yield np.stack([np.interp(ends, along, axis) for axis in points.T], 1).astype(np.int32)


def _velocity(found: Detections, k: int) -> np.ndarray | None:
    """(2,) m/s; None: not known."""
    if found.velocity is None or not np.isfinite(found.velocity[k]).all():
        return None
    return found.velocity[k].astype(np.float64)


def _car(at: np.ndarray, velocity: np.ndarray | None) -> np.ndarray:
    """(4, 2): corners of one whose nearest end is `at`, along its heading, or along the road."""
    ahead = np.array((1.0, 0.0))
    if velocity is not None and np.hypot(*velocity) > 2 * SLOWEST:
        ahead = velocity / np.hypot(*velocity)
    away = ahead if ahead @ at >= 0 else -ahead
    side = np.array((-ahead[1], ahead[0])) * CAR[1] / 2
    far = at + away * CAR[0]
    return np.array([at + side, at - side, far - side, far + side])


def _ellipse(panel: np.ndarray, view: View, at: np.ndarray, sigma: float, colour: tags.Colour) -> None:
    """One standard deviation along the ray, and what an edge of a box is unsure across it."""
    turn = float(np.degrees(np.arctan2(at[0], -at[1])))
    axes = [round(value * view.scale * (1 << BITS)) for value in (sigma, max(0.35, 0.01 * at[0]))]
    dim = tuple((2 * own + ground) // 3 for own, ground in zip(colour, GROUND, strict=True))
    cv2.ellipse(panel, view.pixel(at), axes, -turn, 0, 360, dim, 1, cv2.LINE_AA, BITS)


def _label(
    panel: np.ndarray, view: View, found: Detections, k: int, taken: list[tuple[float, float, float, float]]
) -> None:
    """Number and km/h beside an object, outward if there is room; left out where another one is."""
    assert found.track is not None
    assert found.road is not None
    velocity = _velocity(found, k)
    text = f"{found.track[k]}" + ("" if velocity is None else f"  {KMH * np.hypot(*velocity):.0f} km/h")
    (width, height), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, view.font, 1)
    x, y = (value / (1 << BITS) for value in view.pixel(found.road[k].astype(np.float64)))
    beside = CAR[1] / 2 * view.scale + 3
    if y < height + 4:
        return
    sides = x + beside, x - beside - width
    for left in sides if x >= panel.shape[1] / 2 else sides[::-1]:
        box = (left, y - height - 2, left + width, y + 2)
        free = all(box[2] < o[0] or o[2] < box[0] or box[3] < o[1] or o[3] < box[1] for o in taken)
        if free and left >= 1 and box[2] < view.width:
            taken.append(box)
            x1, y1, x2, y2 = (round(value) for value in box)
            under = panel[max(y1 - 1, 0) : y2, max(x1 - 1, 0) : x2 + 1]
            under[:] = under // 4 + BACKING
            _write(panel, text, (int(left), int(y)), LABEL, view)
            return


def _write(panel: np.ndarray, text: str, corner: tuple[int, int], colour: tags.Colour, view: View) -> None:
    cv2.putText(panel, text, corner, cv2.FONT_HERSHEY_SIMPLEX, view.font, colour, 1, cv2.LINE_AA)

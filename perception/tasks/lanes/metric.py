"""How well lane lines are found: as pixels of strokes one pixel wide, within a tolerance.

Every definition says precision and recall together. The lines are drawn on a canvas of a fixed width, so
that the tolerance means the same for every camera. Road edges are no lane lines: on either side they are left
out, and judged by a metric of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import cv2
import numpy as np

from perception.tasks.evidence import Counts, Distances, Evidence, metrics
from perception.tasks.hits import Hits
from perception.tasks.lanes.decode import DASHED, ROAD_EDGE, SOLID
from perception.types import VOID, LaneLine, Scene, Size

DRAWN_WIDTH, DRAWN_PIXELS = 640, 5.0  # canvas and tolerance for drawn lines
PAINT_WIDTH, PAINT_PIXELS = 480, 2.0  # for masks of paint
TOLD = (SOLID, DASHED)  # kinds that are compared
FALSE = 20  # pixels of a line, 640 wide, on what is certain to be no paint
AHEAD = np.arange(5.0, 25.01, 0.5)  # metres: where lines on the road are compared
NEAR = 0.5  # metres sideways: a line this near is the same line


def painted(lines: Iterable[LaneLine]) -> list[LaneLine]:
    """Those that are lane lines."""
    return [line for line in lines if line.kind != ROAD_EDGE]


def road_edges(lines: Iterable[LaneLine]) -> list[LaneLine]:
    """Those that are not."""
    return [line for line in lines if line.kind == ROAD_EDGE]


class DrawnLines:
    """`precision`, `recall`, `f1` against lines drawn by people, both 640 wide, tolerance 5 pixels.

    Found pixels above the farthest (topmost) label of the frame are left out: labels end where the paint
    stops being clear. In a frame without paint nothing is left out: every found pixel is false. Pixels are
    pooled over the frames. With `whole` False not every line is labelled from end to end: a false pixel that
    lies where a labelled line goes on beyond its ends, or to the right of the right-hand line, is left out.
    """

    def __init__(
        self, chosen: Callable[[Iterable[LaneLine]], list[LaneLine]] = painted, whole: bool = True
    ) -> None:
        """`chosen`: which lines of truth and scene are judged, `painted` or `road_edges`."""
        self._chosen, self._whole = chosen, whole
        self._hits = Hits("hits")

    def update(self, truth: Scene, seen: Scene) -> None:
        if truth.lanes is None or seen.lanes is None:
            return
        scale, canvas = canvas_of(truth.size)
        labelled = self._chosen(truth.lanes)
        chosen = (labelled, self._chosen(seen.lanes))
        true, found = (stroke_mask(lines, scale, canvas) for lines in chosen)
        if true.any():
            found[: np.flatnonzero(true.any(1))[0]] = False
        right = found & (distance_to(true) <= DRAWN_PIXELS)
        hit = true & (distance_to(found) <= DRAWN_PIXELS)
        false = found & ~right
        if not self._whole:
            false &= ~unlabelled(labelled, scale, canvas)
        self._hits.add(right.sum(), false.sum(), hit.sum(), (true & ~hit).sum())

    def evidence(self) -> Mapping[str, Evidence]:
        return {"": self._hits.evidence()}

    def result(self) -> Mapping[str, float]:
        return metrics(self.evidence())


class LineKinds:
    """`kind_right`, `kind_wrong`: shares of lines along a solid or dashed one, told to be that, or the other.

    The rest are told to be neither. A found line runs along the true line that lies within DRAWN_PIXELS, 640
    wide, of most of its pixels, if these are more than half.
    """

    def __init__(self) -> None:
        self._sums = np.zeros(3)

    def update(self, truth: Scene, seen: Scene) -> None:
        if truth.lanes is None or seen.lanes is None:
            return
        scale, canvas = canvas_of(truth.size)
        true, found = painted(truth.lanes), painted(seen.lanes)
        near = [distance_to(stroke_mask([line], scale, canvas)) <= DRAWN_PIXELS for line in true]
        for line, pixels in zip(found, strokes(found, scale, canvas), strict=True):
            x, y = pixels.T
            shared = [int(mask[y, x].sum()) for mask in near]
            if not shared or 2 * max(shared) <= len(pixels):
                continue
            kind = true[int(np.argmax(shared))].kind
            if kind in TOLD:
                self._sums += line.kind == kind, line.kind in TOLD and line.kind != kind, 1

    def evidence(self) -> Mapping[str, Evidence]:
        return {"/kinds": Counts("kinds", self._sums.copy())}

    def result(self) -> Mapping[str, float]:
        return metrics(self.evidence())


class FalseLines:
    """`false_lines`: found lines per frame of which FALSE or more pixels, 640 wide, lie where no line is."""

    def __init__(self) -> None:
        self._sums = np.zeros(2)

    def update(self, paint: np.ndarray, seen: Scene) -> None:
        """`paint`: (H, W) uint8 over the whole image of `seen`; 0 is certain to be no paint."""
        if seen.lanes is None:
            return
        scale, canvas = canvas_of(seen.size)
        none = cv2.resize(paint, canvas, interpolation=cv2.INTER_NEAREST_EXACT) == 0
        pixels = (stroke.T for stroke in strokes(painted(seen.lanes), scale, canvas))
        false = [none[y, x].sum() >= FALSE for x, y in pixels]
        self._sums += sum(false), 1

    def evidence(self) -> Mapping[str, Evidence]:
        return {"/false": Counts("false_lines", self._sums.copy())}

    def result(self) -> Mapping[str, float]:
        return metrics(self.evidence())


class PaintedLines:
    """`precision`, `recall`, `f1` against a mask of lane paint, both 480 wide, tolerance 2 pixels.

    Recall: the share of the pixels along the middle of the paint that have a found line near. The middle,
    because near the camera paint is wider than the tolerance.
    Precision: the share of the found pixels that have paint near, *of those that are judged*. Not judged:
    pixels near other paint or void; above the farthest paint of the frame; and, on each line, what lies
    between its first and its last pixel on paint: there are the gaps between dashes. A line that never
    meets paint is false all along.
    """

    def __init__(self) -> None:
        self._hits = Hits("hits")

    def update(self, paint: np.ndarray, seen: Scene) -> None:
        """`paint`: (H, W) uint8, 1 lane paint, 255 not judged, over the whole image of `seen`."""
        if seen.lanes is None:
            return
        scale, canvas = canvas_of(seen.size, PAINT_WIDTH)
        labels = cv2.resize(paint, canvas, interpolation=cv2.INTER_NEAREST_EXACT)
        true = labels == 1
        near, void = (distance_to(mask) <= PAINT_PIXELS for mask in (true, labels == VOID))
        if true.any():
            void[: np.flatnonzero(true.any(1))[0]] = True
        lines = painted(seen.lanes)
        counts = [_on_paint(pixels, near, void) for pixels in strokes(lines, scale, canvas)]
        right, false = (sum(column) for column in zip((0, 0), *counts, strict=True))
        middle = middle_of(true)
        hit = middle & (distance_to(stroke_mask(lines, scale, canvas)) <= PAINT_PIXELS)
        self._hits.add(right, false, hit.sum(), (middle & ~hit).sum())

    def evidence(self) -> Mapping[str, Evidence]:
        return {"": self._hits.evidence()}

    def result(self) -> Mapping[str, float]:
        return metrics(self.evidence())


class RoadLines:
    """`median_m`, `precision_m`, `recall_m` against true lines on the road, 5 to 25 m ahead.

    Every half metre of x each line has a lateral position y. A true and a found line that share positions
    are paired, nearest first (median of their distances), each with one at most and only within NEAR.
    `median_m` is the median distance in metres between paired lines, over all positions of all frames;
    recall (precision) the share of the true (found) positions at which the paired line is within NEAR.
    """

    def __init__(self) -> None:
        self._hits = Hits("metres")
        self._distances: list[np.ndarray] = []

    def update(self, truth: Scene, seen: Scene) -> None:
        """Lines without road points (a camera that is not calibrated) are left out."""
        if truth.lanes is None or seen.lanes is None:
            return
        true, found = (lateral(painted(scene.lanes or ())) for scene in (truth, seen))
        distance = np.abs(true[:, None] - found[None])
        pairs = nearest_pairs(distance)
        apart = np.concatenate([distance[pair][~np.isnan(distance[pair])] for pair in pairs] or [np.empty(0)])
        near = int((apart <= NEAR).sum())
        self._distances.append(apart)
        false, missed = (int(np.isfinite(y).sum()) - near for y in (found, true))
        self._hits.add(near, false, near, missed)

    def evidence(self) -> Mapping[str, Evidence]:
        apart = np.concatenate([np.empty(0), *self._distances])
        return {"/apart": Distances(apart), "/road": self._hits.evidence()}

    def result(self) -> Mapping[str, float]:
        return metrics(self.evidence())


def canvas_of(size: Size, width: int = DRAWN_WIDTH) -> tuple[float, Size]:
    """How much an image is scaled to become so wide, and its size (width, height) then."""
    scale = width / size[0]
    return scale, (width, max(1, round(size[1] * scale)))


def unlabelled(lines: Iterable[LaneLine], scale: float, canvas: Size) -> np.ndarray:
    """(height, width) bool: where a line may go on beyond its ends, and right of the right-hand line.

    A line goes on straight, in the direction of its last half, within twice the tolerance.
    """
    points = [line.image * scale for line in lines]
    ends = [end for line in points for end in (_beyond(line), _beyond(line[::-1]))]
    beyond = stroke_mask([LaneLine(end, None, 1.0, 0) for end in ends], 1.0, canvas)
    rows = np.arange(canvas[1]) + 0.5
    edge = np.full(canvas[1], np.inf if not points else -np.inf)
    for line in points:
        whole = np.concatenate([_beyond(line[::-1])[::-1], line, _beyond(line)])
        x, y = whole[np.argsort(whole[:, 1], kind="stable")].T
        edge = np.maximum(edge, np.interp(rows, y, x))
    right: np.ndarray = np.arange(canvas[0]) + 0.5 > edge[:, None]
    return right | (distance_to(beyond) <= 2 * DRAWN_PIXELS)


def _beyond(points: np.ndarray) -> np.ndarray:
    """(2, 2) float32: from the last of some points straight on, farther than any image."""
    last, before = points[-1], points[len(points) // 2 - 1]
    ahead = (last - before) / max(float(np.hypot(*(last - before))), 1e-6)
    return np.stack([last, last + 10 * DRAWN_WIDTH * ahead]).astype(np.float32)


def lateral(lines: Iterable[LaneLine]) -> np.ndarray:
    """(lines, AHEAD) float64: y of each line at each x of AHEAD in metres, NaN where it does not reach."""
    rows = [_at(line.road, AHEAD) for line in lines if line.road is not None]
    return np.array(rows, np.float64).reshape(len(rows), len(AHEAD))


def _at(road: np.ndarray, x: np.ndarray) -> np.ndarray:
    road = road[np.isfinite(road).all(1)].astype(np.float64)
    if not len(road):
        return np.full(len(x), np.nan)
    road = road[np.argsort(road[:, 0], kind="stable")]
    return np.interp(x, road[:, 0], road[:, 1], left=np.nan, right=np.nan)


def nearest_pairs(distance: np.ndarray) -> list[tuple[int, int]]:
    """(true, found) rows, nearest first, from distances (true, found, positions) with NaN where unshared."""
    shared = ~np.isnan(distance).all(2)
    apart = np.full(shared.shape, np.inf)
    apart[shared] = np.nanmedian(distance[shared], 1)
    pairs: list[tuple[int, int]] = []
    while apart.size and apart.min() <= NEAR:
        row, column = np.unravel_index(apart.argmin(), apart.shape)
        pairs.append((int(row), int(column)))
        apart[row], apart[:, column] = np.inf, np.inf
    return pairs


def _on_paint(pixels: np.ndarray, near: np.ndarray, void: np.ndarray) -> tuple[int, int]:
    """Right and false pixels of one stroke (n, 2), in order."""
    x, y = pixels.T
    right = near[y, x]
    on = np.flatnonzero(right)
    judged = ~void[y, x]
    if len(on):
        judged[on[0] : on[-1] + 1] = False
    return int(right.sum()), int((judged & ~right).sum())


def strokes(lines: Iterable[LaneLine], scale: float, canvas: Size) -> list[np.ndarray]:
    """The pixels (n, 2) int x, y of each line on a canvas (width, height), in order along the line."""
    return [_stroke(line.image * scale, canvas) for line in lines]


def stroke_mask(lines: Iterable[LaneLine], scale: float, canvas: Size) -> np.ndarray:
    """(height, width) bool: one-pixel strokes."""
    mask = np.zeros(canvas[::-1], bool)
    for x, y in (pixels.T for pixels in strokes(lines, scale, canvas)):
        mask[y, x] = True
    return mask


def _stroke(points: np.ndarray, canvas: Size) -> np.ndarray:
    """A polyline (m, 2) sampled every half pixel; repeated pixels and those outside are dropped."""
    points = points.astype(np.float64)
    along = np.concatenate([[0.0], np.hypot(*np.diff(points, axis=0).T).cumsum()])
    at = np.linspace(0, along[-1], int(along[-1] * 2) + 2)
    pixels = np.floor(np.stack([np.interp(at, along, axis) for axis in points.T], 1)).astype(int)
    inside = ((pixels >= 0) & (pixels < canvas)).all(1)
    pixels = pixels[inside]
    first = np.r_[True, (np.diff(pixels, axis=0) != 0).any(1)] if len(pixels) else np.zeros(0, bool)
    return pixels[first]


def distance_to(mask: np.ndarray) -> np.ndarray:
    """(h, w) float32: pixels to the nearest pixel of a bool mask; infinite where the mask is empty."""
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    return cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def middle_of(mask: np.ndarray) -> np.ndarray:
    """The pixels of a bool mask that lie as deep in it as their neighbours: the ridge of its depth."""
    inside = np.pad(mask, 1).astype(np.uint8)
    depth = cv2.distanceTransform(inside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    ridge = depth >= cv2.dilate(depth, np.ones((3, 3), np.uint8)) - 0.5
    return ridge[1:-1, 1:-1] & mask

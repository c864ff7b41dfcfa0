"""Lane lines judged as two public benchmarks do: TuSimple (2017) and CULane (Pan et al. 2018).

Both count pixels by their index, so a point of ours is half a pixel less there. Road edges are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import cv2
import numpy as np

from perception.tasks.evidence import Counts, Evidence, metrics
from perception.tasks.lanes.assignment import best_pairs
from perception.tasks.lanes.metric import painted
from perception.types import LaneLine, Scene

ABSENT = -100.0  # x where a line does not cross a row, as in TuSimple's own code
PIXELS, ENOUGH = 20.0, 0.85  # TuSimple: how near is right, across the line; share of rows of a match
MOST = 4  # TuSimple: lines that count; a fifth is optional
CANVAS, WIDTH, IOU = (1640, 590), 30, 0.5  # CULane
STEPS = 50  # CULane: points of a curve between two labelled ones


class TuSimpleLines:
    """`accuracy`, `fp`, `fn`: the means over the pictures, by TuSimple's published evaluation.

    At each labelled row, x of a found line is right within 20 pixels / cos(angle of the true line). The
    accuracy of a true line is the best share of right rows (both absent is right too) of any found line;
    from 0.85 on it is found. `fp` = found lines without a true one / found lines, `fn` = true lines not
    found / true lines. Of more than 4 true lines the worst is excused. More than 2 lines too many make
    accuracy 0, fp 0, fn 1.
    """

    def __init__(self, rows: Sequence[int], labelled: Sequence[Sequence[float]] | None = None) -> None:
        """`rows`: y of the labelled rows, pixels; `labelled`: x of each true line there, negative: not there.

        As TuSimple does, a line without any point counts as a true one, and a gap in a line stays one. None:
        the true lines are read off at the rows as found ones are.
        """
        self._rows = np.asarray(rows, np.float64)
        self._labelled = None if labelled is None else _absent(np.array(labelled, np.float64), len(rows))
        self._sums = np.zeros(4)

    def update(self, truth: Scene, seen: Scene) -> None:
        if truth.lanes is None or seen.lanes is None:
            return
        true, found = (crossings(painted(scene.lanes or ()), self._rows) for scene in (truth, seen))
        self._sums += *rate(true if self._labelled is None else self._labelled, found, self._rows), 1

    def evidence(self) -> Mapping[str, Evidence]:
        return {"/tusimple": Counts("tusimple", self._sums.copy())}

    def result(self) -> Mapping[str, float]:
        return metrics(self.evidence())


def crossings(lines: Iterable[LaneLine], rows: np.ndarray) -> np.ndarray:
    """(n, rows) float64: x of each line at each row, ABSENT where it does not reach or leaves the picture."""
    found = [_crossing(line.image.astype(np.float64) - 0.5, rows) for line in lines]
    return np.array(found, np.float64).reshape(-1, len(rows))


def _crossing(points: np.ndarray, rows: np.ndarray) -> np.ndarray:
    points = points[np.argsort(points[:, 1], kind="stable")]
    x = np.interp(rows, points[:, 1], points[:, 0], left=ABSENT, right=ABSENT)
    return np.where(x < 0, ABSENT, x)


def _absent(x: np.ndarray, rows: int) -> np.ndarray:
    """(n, rows) x of lines, ABSENT where it is negative."""
    return np.where(x < 0, ABSENT, x).reshape(-1, rows)


def rate(true: np.ndarray, found: np.ndarray, rows: np.ndarray) -> tuple[float, float, float]:
    """Accuracy, fp and fn of a picture from (n, rows) and (m, rows) crossings."""
    if len(found) > len(true) + 2:
        return 0.0, 0.0, 1.0
    near = np.array([PIXELS / np.cos(np.arctan(_slope(line, rows))) for line in true])
    right = np.abs(found[None] - true[:, None]) < near[:, None, None]  # (n, m, rows)
    best = right.mean(2).max(1, initial=0.0)
    matches = int((best >= ENOUGH).sum())
    missed, total = len(true) - matches, best.sum()
    if len(true) > MOST:
        missed, total = max(missed - 1, 0), total - best.min()
    asked = min(max(len(true), 1), MOST)
    return total / asked, (len(found) - matches) / max(len(found), 1), missed / asked


def _slope(x: np.ndarray, rows: np.ndarray) -> float:
    """dx/dy of the straight line through the points of a line, least squares."""
    there = x >= 0
    x, y = x[there], rows[there]
    if len(x) < 2:
        return 0.0
    y = y - y.mean()
    return float((y * x).sum() / (y * y).sum())


class CuLaneLines:
    """`culane_precision`, `culane_recall`, `culane_f1`: CULane's evaluation, counts pooled over the pictures.

    Lines are curves 30 pixels wide on a canvas of 1640 x 590. True and found ones are paired so that the sum
    of their IoU is greatest; a pair is right if its IoU is above 0.5.
    """

    def __init__(self) -> None:
        self._sums = np.zeros(3)

    def update(self, truth: Scene, seen: Scene) -> None:
        if truth.lanes is None or seen.lanes is None:
            return
        true, found = ([band(x, truth.size) for x in painted(scene.lanes or ())] for scene in (truth, seen))
        overlap = np.array([[_iou(a, b) for b in found] for a in true]).reshape(len(true), len(found))
        right = sum(overlap[pair] > IOU for pair in best_pairs(overlap))
        self._sums += right, len(found) - right, len(true) - right

    def evidence(self) -> Mapping[str, Evidence]:
        return {"/culane": Counts("culane", self._sums.copy())}

    def result(self) -> Mapping[str, float]:
        return metrics(self.evidence())


def band(line: LaneLine, size: tuple[int, int]) -> np.ndarray:
    """(590, 1640) bool: the line as CULane draws it; `size` of its picture."""
    points = (line.image.astype(np.float64) - 0.5) * (np.array(CANVAS) / size)
    canvas = np.zeros(CANVAS[::-1], np.uint8)
    pixels = np.round(np.clip(curve(points), -1e5, 1e5)).astype(np.int32)
    for start, end in zip(pixels[:-1].tolist(), pixels[1:].tolist(), strict=True):
        cv2.line(canvas, start, end, 1, WIDTH)
    return canvas.astype(bool)


def curve(points: np.ndarray) -> np.ndarray:
    """The natural cubic spline through (m, 2) points over their distances; of two a straight line."""
    apart = np.hypot(*np.diff(points, axis=0).T)
    points = points[np.r_[True, apart > 0]]
    apart = apart[apart > 0]
    if len(points) < 3:
        return points
    slope = np.diff(points, axis=0) / apart[:, None]
    system = np.eye(len(points))  # for the second derivatives, 0 at both ends
    inner = np.arange(1, len(points) - 1)
    system[inner, inner - 1], system[inner, inner + 1] = apart[:-1], apart[1:]
    system[inner, inner] = 2 * (apart[:-1] + apart[1:])
    bend = np.linalg.solve(system, np.pad(6 * np.diff(slope, axis=0), ((1, 1), (0, 0))))
    return np.concatenate([*_segments(points, apart, slope, bend), points[-1:]])


def _segments(
    points: np.ndarray, apart: np.ndarray, slope: np.ndarray, bend: np.ndarray
) -> Iterable[np.ndarray]:
    for i, length in enumerate(apart):
        t = (np.arange(STEPS) / STEPS * length)[:, None]
        first = slope[i] - length * (2 * bend[i] + bend[i + 1]) / 6
        yield points[i] + t * (first + t * (bend[i] / 2 + t * (bend[i + 1] - bend[i]) / (6 * length)))


def _iou(a: np.ndarray, b: np.ndarray) -> float:
    either = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / either if either else 0.0

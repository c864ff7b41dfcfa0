"""The points of all lane lines of a frame as one array, and what is computed of them, compiled.

`points` (n, 2): image points of one line after the other, each from near to far; `ends` (lines + 1,) int64:
line k is `points[ends[k] : ends[k + 1]]`. `at` (lines, rows): the columns in which lines are in some rows of
the image, pixels; NaN where they are not.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np

from perception.jit import compiled
from perception.stages.assignment import NEVER

FOOT = 6  # points over which the direction at the near end is measured
COMMON = 3  # rows in which two lines must be to be compared


def packed(images: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """`points` float32, a copy, and `ends` of lines (m, 2) float32."""
    points = np.concatenate(images) if images else np.empty((0, 2), np.float32)
    return points, np.array([0, *accumulate(map(len, images))], np.int64)


@compiled
def columns(points: np.ndarray, ends: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """`at` of lines in `rows`, pixels; below its near end a line is drawn on, above its far end NaN."""
    out = np.empty((len(ends) - 1, len(rows)))
    for k in range(len(ends) - 1):
        first, last = ends[k], ends[k + 1] - 1
        x, y = np.float64(points[first, 0]), np.float64(points[first, 1])
        foot = min(first + FOOT, last)
        slope = (x - points[foot, 0]) / max(y - points[foot, 1], 1e-3)
        for i in range(len(rows)):
            if rows[i] < points[last, 1]:
                out[k, i] = np.nan
            elif rows[i] >= y:
                out[k, i] = x + slope * (rows[i] - y) if last > first else x
            else:
                out[k, i] = _column(points, first, last, rows[i])
    return out


@compiled
def _column(points: np.ndarray, near: int, far: int, row: float) -> float:
    """Where a line first comes to a row between its ends, straight from one point to the next."""
    for p in range(near + 1, far + 1):
        if points[p, 1] <= row:
            x, y = np.float64(points[p, 0]), np.float64(points[p, 1])
            return x + (points[p - 1, 0] - x) / (points[p - 1, 1] - y) * (row - y)
    return np.nan


@compiled
def settled(
    points: np.ndarray,
    ends: np.ndarray,
    at: np.ndarray,
    expected: np.ndarray,
    rows: np.ndarray,
    new: float,
    reach: float,
    size: tuple[int, int],
) -> np.ndarray:
    """(lines,): how far each is right of where it was expected, pixels, in the mean; NaN: not known.

    `points` and `at` are drawn towards `expected`, in place: what is seen weighs `new`. Points move across
    their line, by no more than `reach`, and stay in the image of `size`.
    """
    drift = np.full(len(at), np.nan)
    rest, height = np.empty(len(rows)), np.empty(len(rows))
    for k in range(len(at)):
        n, total, first, last = 0, 0.0, -1, -1
        for i in range(len(rows) - 1, -1, -1):  # upwards in the image, so that `height` grows
            one = at[k, i] - expected[k, i]
            if np.isfinite(one):
                rest[n], height[n] = one, rows[i]
                total += one
                n += 1
                first = i if first < 0 else first
                last = i
        if not n:
            continue
        drift[k] = total / n
        slope = (at[k, first] - at[k, last]) / (rows[first] - rows[last]) if n > 1 else 0.0
        most = reach * np.sqrt(1 + slope * slope)  # of what lies so far across, from column to column
        for i in range(len(rows)):
            one = at[k, i] - expected[k, i]
            if np.isfinite(one):
                at[k, i] -= (1 - new) * min(max(one, -most), most)
        for p in range(ends[k], ends[k + 1]):
            one = min(max(_between(height[:n], rest[:n], points[p, 1]), -most), most)
            back = (1 - new) * one / (1 + slope * slope)
            points[p, 0] = min(max(points[p, 0] - back, 0), size[0])
            points[p, 1] = min(max(points[p, 1] + slope * back, 0), size[1])
    return drift


@compiled
def _between(x: np.ndarray, y: np.ndarray, at: float) -> float:
    """`np.interp`."""
    if at <= x[0]:
        return float(y[0])
    for k in range(1, len(x)):
        if at < x[k]:
            return float(y[k - 1] + (y[k] - y[k - 1]) / (x[k] - x[k - 1]) * (at - x[k - 1]))
    return float(y[-1])


@compiled
def apart(a: np.ndarray, b: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(n, m): how far lines at (n, r) and (m, r) are from each other across them, pixels, in the mean.

    NEVER where fewer than COMMON rows have both.
    """
    out = np.full((len(a), len(b)), NEVER)
    for i in range(len(a)):
        for j in range(len(b)):
            total, n, first, last = 0.0, 0, -1, -1
            for k in range(len(rows)):
                if not (np.isnan(a[i, k]) or np.isnan(b[j, k])):
                    total += abs(a[i, k] - b[j, k])
                    n += 1
                    first = k if first < 0 else first
                    last = k
            if n >= COMMON:
                slope = (a[i, first] - a[i, last]) / (rows[first] - rows[last])
                out[i, j] = total / n / np.sqrt(1 + slope * slope)
    return out


def foot(image: np.ndarray, bottom: float) -> float:
    """Column in which a line, drawn on from its near end, meets the bottom of the image."""
    (x, y), (far_x, far_y) = image[0].tolist(), image[min(FOOT, len(image) - 1)].tolist()
    return float(x + (far_x - x) * (bottom - y) / min(far_y - y, -0.1))

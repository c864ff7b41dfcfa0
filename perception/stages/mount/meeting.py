"""Where the lane lines of a road meet: the direction of the road in the picture (vanishing point).

Lines that are parallel on a flat road, with one curvature for all, are in the picture
column = b + a (row - p) + c / (row - p): (b, p) is where their directions at the camera meet, `a` is each
line's own (metres right of the camera over its height), and c is half the curvature times the height.
"""

from __future__ import annotations

import math

import numpy as np

from perception.jit import compiled
from perception.stages.mount.travel import inverse, solved

ROUNDS = 5
FROM = 0.02, 0.6  # below the horizon, as a ray: which part of a line is used
PIXELS = 2.0  # standard deviation of a line's point, half of it common to neighbours
ALIKE = 4.0  # neighbouring points that count as one
APART = 0.3  # metres right over the height: lines differ by so much at least
START = 0.12  # of (b, p) around where they are looked for, as a ray
BENT = 0.0023  # of c: a radius of 300 m


@compiled
def meeting(
    points: np.ndarray, first: np.ndarray, focus: np.ndarray, pixel: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """From the points (n, 2) of all lines, rays; line k has those from first[k] to first[k + 1].

    `focus` (2,): where the lines are expected to meet; `pixel`: one as a ray. Returns (b, p), their variances
    (2,), and the lines' own `a`, NaN for one too short. Too few lines: variances inf.
    """
    k = len(first) - 1
    x, own = np.zeros(3 + k), np.full(k, math.nan)
    x[:2] = focus
    used = np.zeros(k, np.bool_)
    for i in range(k):
        used[i] = _start(points[first[i] : first[i + 1]], x, i)
    lines = x[3:][used]
    if len(lines) < 2 or lines.max() - lines.min() < APART:
        return x[:2], np.full(2, np.inf), own
    noise = PIXELS * pixel * math.sqrt(ALIKE)
    a, b, row = np.zeros((3 + k, 3 + k)), np.zeros(3 + k), np.zeros(3 + k)
    rest2, count = 0.0, 0
    for _ in range(ROUNDS):
        a[:], b[:] = 0, 0
        for j in range(3 + k):
            prior = START if j < 2 else (BENT if j == 2 else 10.0)
            a[j, j] = 1 / prior**2
            b[j] = ((focus[j] if j < 2 else 0.0) - (x[j] if j < 3 else 0.0)) / prior**2
        rest2, count = 0.0, 0
        for i in range(k):
            if not used[i]:
                continue
            row[3:] = 0
            for n in range(first[i], first[i + 1]):
                down = points[n, 1] - x[1]
                if not FROM[0] < down < FROM[1]:
                    continue
                rest = points[n, 0] - x[0] - x[3 + i] * down - x[2] / down
                row[0], row[1], row[2], row[3 + i] = 1, -x[3 + i] + x[2] / down**2, 1 / down, down
                weight = 1 / (1 + (rest / (3 * noise)) ** 2) / noise**2
                rest2 += min(rest * rest, 9 * noise * noise)
                count += 1
                for j in range(3 + k):
                    b[j] += weight * row[j] * rest
                    for m in range(3 + k):
                        a[j, m] += weight * row[j] * row[m]
        x += solved(a, b)
    cov = inverse(a)
    worse = max(1.0, rest2 / max(count, 1) * ALIKE / (noise * noise))
    for i in range(k):
        if used[i]:
            own[i] = x[3 + i]
    return x[:2], np.array([cov[0, 0], cov[1, 1]]) * worse, own


@compiled
def _start(points: np.ndarray, x: np.ndarray, line: int) -> bool:
    """The line's own `a` for a start, by its points through (b, p); False: it is too short."""
    low, high, top, n = math.inf, -math.inf, 0.0, 0
    under = 0.0
    for i in range(len(points)):
        down = points[i, 1] - x[1]
        if FROM[0] < down < FROM[1]:
            low, high, n = min(low, down), max(high, down), n + 1
            top += down * (points[i, 0] - x[0])
            under += down * down
    if n < 6 or high - low < 0.03:
        return False
    x[3 + line] = top / under
    return True

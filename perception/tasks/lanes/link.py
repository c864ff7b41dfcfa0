"""Strokes to lines: join what belongs together across gaps, and smooth it. Points are in cells of the map."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from perception.kernels.reference import STEP

LOOK_BACK = 8  # points at an end that give its direction
MAX_GAP = 60.0  # cells
WINDOW = 11  # points of the local quadratic, odd


def link(strokes: list[np.ndarray]) -> list[np.ndarray]:
    """Strokes (n, k), rows beginning with x, y, in order along them, to lines: the same rows, chained.

    An end goes to the end that lies most nearly straight ahead of it and has it straight ahead too. Each is
    used once, so that where lines meet, the straightest pair goes through and the others end.
    """
    if len(strokes) < 2:
        return strokes
    partner = _partners(strokes)
    lines, used = [], set[int]()
    first_ends = [e for e in range(2 * len(strokes)) if e not in partner]
    for end in first_ends:
        if end // 2 not in used:
            lines.append(np.concatenate([strokes[e // 2][:: 1 - 2 * (e % 2)] for e in _chain(end, partner)]))
            used.update(e // 2 for e in _chain(end, partner))
    return lines


def _chain(end: int, partner: dict[int, int]) -> list[int]:
    """The ends at which one enters each stroke, from `end` on."""
    entered = [end]
    while (end ^ 1) in partner:
        end = partner[end ^ 1]
        entered.append(end)
    return entered


def _partners(strokes: list[np.ndarray]) -> dict[int, int]:
    """End to end, both ways; end 2 k is where stroke k begins, 2 k + 1 where it ends. Without rings."""
    cost = _costs(strokes)
    a, b = np.nonzero(np.triu(np.isfinite(cost)))
    partner: dict[int, int] = {}
    group = list(range(len(strokes)))
    for n in np.argsort(cost[a, b], kind="stable"):
        i, j = int(a[n]), int(b[n])
        old, new = group[i // 2], group[j // 2]
        if i not in partner and j not in partner and old != new:
            partner[i], partner[j] = j, i
            group = [new if g == old else g for g in group]
    return partner


def _costs(strokes: list[np.ndarray]) -> np.ndarray:
    """What it takes to join each end with each (2 k, 2 k); inf where it may not be."""
    at = np.concatenate([s[[0, -1], :2] for s in strokes])
    out = np.concatenate([[_heading(s[::-1]), _heading(s)] for s in strokes])
    length = np.repeat([STEP * len(s) for s in strokes], 2)
    gap = at[None] - at[:, None]  # [a, b]: from end a to end b
    distance = np.sqrt((gap**2).sum(-1))
    ahead = (gap * out[:, None]).sum(-1)
    aside = np.abs(gap[..., 0] * out[:, None, 1] - gap[..., 1] * out[:, None, 0])
    shorter = np.minimum(length[:, None], length)
    fits = (distance < np.minimum(MAX_GAP, 6 + 1.5 * shorter)) & (ahead > -3)
    fits &= aside < 1.5 + 0.15 * distance
    fits &= fits.T & (out @ out.T < -0.8)
    return np.where(fits, distance + 3 * (aside + aside.T), np.inf)


def _heading(stroke: np.ndarray) -> np.ndarray:
    """Unit vector (2,) out of a stroke's last point."""
    vector = stroke[-1, :2] - stroke[max(len(stroke) - LOOK_BACK, 0), :2]
    return vector / max(math.sqrt(vector @ vector), 1e-9)


def smooth(line: np.ndarray) -> np.ndarray:
    """Rows (n, k) beginning with x, y to (m, k), about one STEP apart along the line, m odd.

    x and y go through a local quadratic fit (Savitzky and Golay 1964), which keeps curves and both ends.
    """
    x, y = line[:, 0], line[:, 1]
    along = np.zeros(len(line))
    np.cumsum(np.hypot(x[1:] - x[:-1], y[1:] - y[:-1]), out=along[1:])
    n = 2 * max(1, round(along[-1] / STEP / 2)) + 1
    at = np.arange(n) * (along[-1] / (n - 1))
    even = np.empty((n, line.shape[1]))
    for column, values in zip(even.T, line.T, strict=True):
        column[:] = np.interp(at, along, values)
    size = min(WINDOW, n)
    half, fit = size // 2, _parabola(size)
    first, last = fit[: half + 1] @ even[:size, :2], fit[half:] @ even[n - size :, :2]
    for column in even.T[:2]:
        column[half : n - half] = np.convolve(column, fit[half], "valid")
    even[: half + 1, :2], even[n - half - 1 :, :2] = first, last
    return even


@lru_cache
def _parabola(size: int) -> np.ndarray:
    """(size, size): values to those of their least-squares parabola."""
    powers = np.vander(np.linspace(-1, 1, size), 3)
    return powers @ np.linalg.pinv(powers)

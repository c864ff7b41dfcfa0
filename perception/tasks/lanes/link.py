"""Strokes to lines: join what belongs together across gaps, and smooth it. Points are in cells of the map."""

from __future__ import annotations

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
    at, out = _ends(strokes)
    length = np.repeat([STEP * len(s) for s in strokes], 2)
    gap = at - at[:, None]  # [a, b]: from end a to end b
    x, y = gap[..., 0], gap[..., 1]
    distance = np.hypot(x, y)
    ahead = x * out[:, :1] + y * out[:, 1:]
    aside = np.abs(x * out[:, 1:] - y * out[:, :1])
    fits = (distance < np.minimum(MAX_GAP, 6 + 1.5 * np.minimum(length[:, None], length))) & (ahead > -3)
    fits &= aside < 2 + 0.2 * distance
    fits &= fits.T & (out @ out.T < -0.85)
    return np.where(fits, distance + 3 * (aside + aside.T), np.inf)


def _ends(strokes: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """First and last points of each stroke (2 k, 2), and unit vectors out of the strokes there (2 k, 2)."""
    rows = [s[[0, -1, min(LOOK_BACK, len(s)) - 1, -min(LOOK_BACK, len(s))], :2] for s in strokes]
    points = np.array(rows)
    at = points[:, :2].reshape(-1, 2)
    out = at - points[:, 2:].reshape(-1, 2)
    return at, out / np.maximum(np.hypot(out[:, :1], out[:, 1:]), 1e-9)


def smooth(line: np.ndarray) -> np.ndarray:
    """Points (n, 2) to (m, 2), about one STEP apart along the line, m odd; curves and ends stay."""
    x, y = line.T
    along = np.zeros(len(line))
    np.hypot(x[1:] - x[:-1], y[1:] - y[:-1]).cumsum(out=along[1:])
    n = 2 * max(1, round(along[-1] / STEP / 2)) + 1
    at = np.arange(n) * (along[-1] / (n - 1))
    even = np.array((np.interp(at, along, x), np.interp(at, along, y)))
    return _smoother(n) @ even.T


@lru_cache(256)
def _smoother(n: int) -> np.ndarray:
    """(n, n): values to what a parabola through their neighbourhood says (Savitzky and Golay 1964)."""
    size = min(WINDOW, n)
    powers = np.vander(np.linspace(-1, 1, size), 3)
    fit = powers @ np.linalg.pinv(powers)
    out = np.zeros((n, n))
    for row in range(n):
        first = min(max(row - size // 2, 0), n - size)
        out[row, first : first + size] = fit[row - first]
    return out

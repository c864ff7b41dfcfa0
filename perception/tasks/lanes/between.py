"""How far two lines lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from perception.comparison import NEVER


def between(a: Sequence[Any], b: Sequence[Any]) -> tuple[float, float, float]:
    """Mean and largest distance of two lines at the heights both have, and how far their ends differ.

    Infinite where they share less than half of the shorter one's height.
    """
    p, q = (np.asarray(line, np.float64)[np.argsort([xy[1] for xy in line])] for line in (a, b))
    ends = np.array([[line[0, 1], line[-1, 1]] for line in (p, q)])
    low, high = ends[:, 0].max(), ends[:, 1].min()
    reach = float(np.abs(ends[0] - ends[1]).max())
    if high - low < 0.5 * np.diff(ends).min():
        return NEVER, NEVER, reach
    rows = np.unique(np.clip(np.concatenate([p[:, 1], q[:, 1]]), low, high))
    shared = [np.column_stack([np.interp(rows, line[:, 1], line[:, 0]), rows]) for line in (p, q)]
    apart = np.concatenate([_to_line(shared[0], q), _to_line(shared[1], p)])
    return float(apart.mean()), float(apart.max()), reach


def _to_line(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """(n,) distances of points (n, 2) to a polyline (m, 2)."""
    start, along = line[:-1], np.diff(line, axis=0)
    if not len(along):
        return np.hypot(*(points - line[0]).T)
    length = np.maximum((along**2).sum(1), 1e-12)
    at = ((points[:, None] - start) * along).sum(2) / length
    nearest = start + np.clip(at, 0, 1)[..., None] * along
    return np.hypot(*np.moveaxis(points[:, None] - nearest, 2, 0)).min(1)

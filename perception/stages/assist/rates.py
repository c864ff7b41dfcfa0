"""How numbers change over the last moments: the slope of the line through them, by least squares."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

import numpy as np

from perception.jit import compiled
from perception.stages.fit import fitted

K = TypeVar("K", bound=Hashable)
SPAN_S = 0.8  # over which rates are measured
SHORTEST_S = 0.35  # over less, a rate says nothing
GAP_S = 0.35  # a key that is not told for longer is forgotten
KEYS, KEPT = 128, 128  # numbers at once; values of each: at more than 160 frames a second the span is shorter


class Rates(Generic[K]):
    """Of numbers by key. One that is not told for a moment goes on after it."""

    def __init__(self) -> None:
        self._past = np.empty((KEYS, 2, KEPT))  # times and values of each, oldest first
        self._count = np.zeros(KEYS, np.int64)
        self._row: dict[K, int] = {}
        self._free = list(range(KEYS))

    def clear(self) -> None:
        self._row.clear()
        self._free = list(range(KEYS))

    def __call__(self, time_s: float, values: Mapping[K, float]) -> dict[K, float | None]:
        """Key -> change a second; None: not followed for long enough, or one of too many."""
        for key in [key for key in self._row if key not in values]:
            if time_s - self._past[row := self._row[key], 0, self._count[row] - 1] > GAP_S:
                self._free.append(self._row.pop(key))
        for key in values:
            if key not in self._row and self._free:
                self._row[key] = self._free.pop()
                self._count[self._row[key]] = 0
        told = [key for key in values if key in self._row]
        rows = np.array([self._row[key] for key in told], np.int64)
        rate = rates(
            self._past, self._count, rows, time_s, np.array([values[key] for key in told], np.float64)
        )
        known = {
            key: value if value == value else None for key, value in zip(told, rate.tolist(), strict=True)
        }
        return {key: known.get(key) for key in values}


@compiled
def rates(
    past: np.ndarray, count: np.ndarray, rows: np.ndarray, time_s: float, values: np.ndarray
) -> np.ndarray:
    """(n,): the change of `values` (n,) a second, with those before; NaN: too few.

    Row r of `past` (rows, 2, most) holds `count[r]` times and values, oldest first; they are added in place.
    """
    out = np.full(len(rows), np.nan)
    for k in range(len(rows)):
        times, before, n = past[rows[k], 0], past[rows[k], 1], count[rows[k]]
        old = 1 if n == past.shape[2] else 0
        while old < n and time_s - times[old] > SPAN_S:
            old += 1
        for i in range(old, n):
            times[i - old], before[i - old] = times[i], before[i]
        n -= old
        times[n], before[n] = time_s, values[k]
        count[rows[k]] = n + 1
        if n >= 2 and time_s - times[0] >= SHORTEST_S:
            out[k] = fitted(times[: n + 1], before[: n + 1])[0]
    return out

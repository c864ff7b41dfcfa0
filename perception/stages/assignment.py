"""The cheapest pairing of rows and columns: the Hungarian problem, by shortest augmenting paths."""

from __future__ import annotations

import numpy as np

from perception.jit import compiled

NEVER = 1e9  # the cost of a pair that must not be


@compiled
def assigned(cost: np.ndarray) -> np.ndarray:
    """(rows,) int64: the column of each row of `cost` (rows, columns) float64, finite; -1: none.

    The sum of the costs of min(rows, columns) pairs is least; pairs at NEVER or more are then left out.
    Jonker and Volgenant 1987, as in Crouse 2016 (IEEE TAES 52-4).
    """
    if cost.shape[0] <= cost.shape[1]:
        return _assigned(cost)
    back = _assigned(np.ascontiguousarray(cost.T))
    column = np.full(cost.shape[0], -1, np.int64)
    for k in range(len(back)):
        if back[k] >= 0:
            column[back[k]] = k
    return column


@compiled
def _assigned(cost: np.ndarray) -> np.ndarray:
    """`assigned` where there are not more rows than columns."""
    rows, columns = cost.shape
    u, v = np.zeros(rows), np.zeros(columns)
    row_of, column = np.full(columns, -1, np.int64), np.full(rows, -1, np.int64)
    path, shortest = np.empty(columns, np.int64), np.empty(columns)
    row_seen, column_seen = np.empty(rows, np.bool_), np.empty(columns, np.bool_)
    for first in range(rows):
        shortest[:] = np.inf
        row_seen[:], column_seen[:] = False, False
        row, sink, least = first, -1, 0.0
        while sink < 0:
            row_seen[row] = True
            best, nearest = np.inf, -1
            for j in range(columns):
                if column_seen[j]:
                    continue
                through = least + cost[row, j] - u[row] - v[j]
                if through < shortest[j]:
                    shortest[j], path[j] = through, row
                if shortest[j] < best or (shortest[j] == best and row_of[j] < 0):
                    best, nearest = shortest[j], j
            least = best
            column_seen[nearest] = True
            if row_of[nearest] < 0:
                sink = nearest
            else:
                row = row_of[nearest]
        u[first] += least
        for i in range(rows):
            if row_seen[i] and i != first:
                u[i] += least - shortest[column[i]]
        for j in range(columns):
            if column_seen[j]:
                v[j] -= least - shortest[j]
        j = sink
        while True:
            i = path[j]
            row_of[j] = i
            column[i], j = j, column[i]
            if i == first:
                break
    for i in range(rows):
        if cost[i, column[i]] >= NEVER:
            column[i] = -1
    return column

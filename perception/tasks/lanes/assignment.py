"""The pairing of rows and columns with the greatest sum (Kuhn 1955, Munkres 1957)."""

from __future__ import annotations

import numpy as np


def best_pairs(worth: np.ndarray) -> list[tuple[int, int]]:
    """(row, column) of each pair, min(n, m) of them, from (n, m) numbers.

    By shortest augmenting paths with potentials, in n^2 m steps (Jonker and Volgenant 1987).
    """
    if worth.shape[0] > worth.shape[1]:
        return sorted((row, column) for column, row in best_pairs(worth.T))
    n, m = worth.shape
    of_row, of_column = np.zeros(n + 1), np.zeros(m + 1)  # potentials; 0: where to begin
    taken = np.zeros(m + 1, int)  # the row of each column, 0: free
    for row in range(1, n + 1):
        taken[0] = row
        _augment(-worth, taken, of_row, of_column)
    return sorted((int(taken[j]) - 1, j - 1) for j in range(1, m + 1) if taken[j])


def _augment(cost: np.ndarray, taken: np.ndarray, of_row: np.ndarray, of_column: np.ndarray) -> None:
    """Give the row at column 0 a column, moving others along the cheapest path."""
    m = cost.shape[1]
    least, before = np.full(m + 1, np.inf), np.zeros(m + 1, int)
    seen = np.zeros(m + 1, bool)
    column = 0
    while True:
        seen[column] = True
        row = taken[column]
        reduced = cost[row - 1] - of_row[row] - of_column[1:]
        better = ~seen[1:] & (reduced < least[1:])
        least[1:][better], before[1:][better] = reduced[better], column
        following = int(np.where(seen, np.inf, least).argmin())
        step = least[following]
        of_row[taken[seen]] += step
        of_column[seen] -= step
        least[~seen] -= step
        column = following
        if not taken[column]:
            break
    while column:
        taken[column], column = taken[before[column]], before[column]

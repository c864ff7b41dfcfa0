"""What a head expects of its own answer, if its probabilities are right: sums for `Task.confidence`.

Loops over scalars, which are their own reference: `perception.jit` compiles them. Maps are logits.
"""

from __future__ import annotations

import math

import numpy as np

from perception.jit import compiled


@compiled
def area(logits: np.ndarray, threshold: float) -> tuple[float, float]:
    """Of a map (h, w): the probability of the cells above `threshold`, summed up, and their number together
    with the probability of all other cells: intersection and union with the truth, as expected."""
    inside = union = 0.0
    for row in logits:
        for value in row:
            probability = 1 / (1 + math.exp(-value))
            if value > threshold:
                inside += probability
                union += 1
            else:
                union += probability
    return inside, union


@compiled
def doubtful(scores: tuple[np.ndarray, ...], thresholds: np.ndarray, least: float) -> float:
    """The probability of what is no object for want of score, summed up.

    `scores` (classes, h, w) of each level, `thresholds` (classes,). It is where a class lies above `least`
    and below its threshold, and no class lies higher, there and in the eight cells around.
    """
    total = 0.0
    for level in scores:
        for c in range(len(level)):
            for i in range(level.shape[1]):
                for j in range(level.shape[2]):
                    value = level[c, i, j]
                    if least < value <= thresholds[c] and _is_peak(level, i, j):
                        total += 1 / (1 + math.exp(-value)) if value >= level[:, i, j].max() else 0.0
    return total


@compiled
def _is_peak(level: np.ndarray, i: int, j: int) -> bool:
    """Whether the best class of cell (i, j) is the best of the cells around, too."""
    around = level[:, max(i - 1, 0) : i + 2, max(j - 1, 0) : j + 2]
    return bool(level[:, i, j].max() >= around.max())


@compiled
def length(points: np.ndarray) -> float:
    """Of a line through points (m, 2), in their unit."""
    total = 0.0
    for k in range(len(points) - 1):
        total += math.hypot(points[k + 1, 0] - points[k, 0], points[k + 1, 1] - points[k, 1])
    return total

"""Average precision and medians of weighted frames: what a metric says if each frame counted so often."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

RECALLS = np.linspace(0, 1, 101)  # COCO's


def average_precision(
    right: np.ndarray, counts: np.ndarray, frame: np.ndarray, weights: np.ndarray, objects: np.ndarray
) -> np.ndarray:
    """(B, t) float64 by COCO's 101 points (Lin et al. 2014, cocoeval.py); NaN in a row without objects.

    `right`, `counts` (t, n) bool: boxes, best first, at t thresholds. `frame` (n,): where each comes from.
    `weights` (B, F) float64: how often each frame counts. `objects` (B,): how many there are to find.
    """
    table = _precisions()(right, counts, frame, weights, objects, RECALLS)
    return np.where(objects[:, None] > 0, table.mean(2), np.nan)


@cache
def _precisions() -> Callable[..., np.ndarray]:
    """Compiled when it is first needed."""
    from perception.jit import compiled

    return compiled(_at_recalls)


def _at_recalls(
    right: np.ndarray,
    counts: np.ndarray,
    frame: np.ndarray,
    weights: np.ndarray,
    objects: np.ndarray,
    recalls: np.ndarray,
) -> np.ndarray:
    """(B, t, recalls): the best precision at each recall or beyond, 0 where it is not reached."""
    table = np.zeros((len(weights), len(right), len(recalls)))
    precision, recall = np.empty(len(frame)), np.empty(len(frame))
    for t in range(len(right)):
        judged = np.flatnonzero(counts[t])
        hit = right[t][judged]
        last = np.flatnonzero(hit)[-1:]
        frames = frame[judged[: last[0] + 1 if len(last) else 0]]  # behind the last right one nothing matters
        for b in range(len(weights)):
            hits, answers, n = 0.0, 0.0, 0
            for i in range(len(frames)):
                weight = weights[b, frames[i]]
                answers += weight
                if hit[i] and weight:
                    hits += weight
                    precision[n], recall[n] = hits / answers, hits / objects[b]
                    n += 1
            for i in range(n - 2, -1, -1):
                precision[i] = max(precision[i], precision[i + 1])
            i = 0
            for r in range(len(recalls)):
                while i < n and recall[i] < recalls[r]:
                    i += 1
                if i == n:
                    break
                table[b, t, r] = precision[i]
    return table


def weighted_medians(values: np.ndarray, frame: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(B,) medians of values (n,) that each count as often as their frame, weights (B, F); NaN of none."""
    order = np.argsort(values, kind="stable")
    values, frame = values[order], frame[order]
    result = np.full(len(weights), np.nan)
    for b, weight in enumerate(weights):
        reached = weight[frame].cumsum()
        if len(reached) and reached[-1] > 0:
            middle = np.searchsorted(reached, [(reached[-1] - 1) // 2, reached[-1] // 2], side="right")
            result[b] = values[middle].mean()
    return result

"""Which found box is which true box: the rule of the COCO evaluation.

Found boxes choose, best first, the true box they overlap most, at least by the threshold. A true box is
taken once. A region (COCO's `iscrowd`) takes any number of boxes that found no object; how far it covers
a box counts, not how alike they are.
"""

from __future__ import annotations

import numpy as np

NONE = -1


def overlaps(found: np.ndarray, truth: np.ndarray, region: np.ndarray) -> np.ndarray:
    """(n, 4) and (m, 4) xyxy to (n, m) float64: intersection over union; over `found` where `region` (m,)."""
    found, truth = found.astype(np.float64), truth.astype(np.float64)
    low = np.maximum(found[:, None, :2], truth[None, :, :2])
    high = np.minimum(found[:, None, 2:], truth[None, :, 2:])
    shared = np.clip(high - low, 0, None).prod(2)
    own = (found[:, 2:] - found[:, :2]).prod(1)[:, None]
    other = (truth[:, 2:] - truth[:, :2]).prod(1)[None]
    whole = np.where(region, own, own + other - shared)
    return shared / np.where(whole > 0, whole, 1.0)


def match(found: np.ndarray, truth: np.ndarray, region: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    """(t, n) int: the row of `truth` that each of `found` (n, 4), best first, stands for; NONE: no one."""
    overlap = overlaps(found, truth, region)
    limits = np.minimum(thresholds, 1 - 1e-10)[:, None]
    free = np.ones((len(thresholds), len(truth)), bool)
    chosen = np.full((len(thresholds), len(found)), NONE)
    if not len(truth):
        return chosen
    rows = np.arange(len(thresholds))
    for i, row in enumerate(overlap):
        rank = np.where(free & (row >= limits), row + 2.0 * ~region, -1.0)  # objects before regions
        best = len(truth) - 1 - rank[:, ::-1].argmax(1)  # of equals the last one, as COCO's own code
        hit = rank[rows, best] >= 0
        chosen[hit, i] = best[hit]
        free[rows[hit], best[hit]] = region[best[hit]]
    return chosen

"""Formulas of metrics that need whole drives: tracking, and how steady results are.

What they sum is counted by `perception.evaluation.tracking`, once for each drive.
"""

from __future__ import annotations

import numpy as np

from perception.tasks.ratio import ratio


def hota_rates(sums: np.ndarray) -> list[np.ndarray]:
    """(..., 5 * n), n least overlaps: true positives, false positives, false negatives, sums of association
    and of overlap.

    HOTA, DetA, AssA and LocA (Luiten et al. 2021), means over the overlaps; as TrackEval combines sequences.
    """
    tp, fp, fn, association, overlap = np.moveaxis(sums.reshape(*sums.shape[:-1], 5, -1), -2, 0)
    detection, association = tp / np.maximum(1, tp + fp + fn), association / np.maximum(1, tp)
    located = np.maximum(1e-10, overlap) / np.maximum(1e-10, tp)
    known = (tp + fn).any(-1)
    rates = (np.sqrt(detection * association), detection, association, located)
    return [np.where(known, rate.mean(-1), np.nan) for rate in rates]


def clear_rates(sums: np.ndarray) -> list[np.ndarray]:
    """(..., 5): true positives, false positives, false negatives, switches, fragmentations.

    MOTA (Bernardin and Stiefelhagen 2008), and the two counts.
    """
    tp, fp, fn, switches, frags = np.moveaxis(sums, -1, 0)
    known = tp + fn > 0
    return [
        ratio(tp - fp - switches, tp + fn, np.nan),
        np.where(known, switches, np.nan),
        np.where(known, frags, np.nan),
    ]


def identity_rates(sums: np.ndarray) -> list[np.ndarray]:
    """(..., 3): true positives, false positives, false negatives by identity. IDF1 (Ristani et al. 2016)."""
    tp, fp, fn = np.moveaxis(sums, -1, 0)
    return [np.where(tp + fn > 0, ratio(tp, tp + (fp + fn) / 2), np.nan)]


def flicker_rates(sums: np.ndarray) -> list[np.ndarray]:
    """(..., 4): objects with gaps, objects, identities, minutes of objects."""
    gaps, objects, ids, minutes = np.moveaxis(sums, -1, 0)
    return [ratio(gaps, objects, np.nan), ratio(ids, minutes, np.nan)]

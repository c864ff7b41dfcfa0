"""Where to clip: from the magnitudes of a tensor's values to the largest one that is kept.

A method is a function and a line in METHODS. The values kept are rounded to STEPS equal steps above zero.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calibration.int8.observers import Histogram

STEPS = 127  # of int8 above zero
# Rare values are the objects: 0.99999 would clip two or three of a feature map in every frame, and mse, which
# weighs few large values against many small ones, clips more and costs 0.3 points of AP50, though its outputs
# lie nearer to float. minmax clips none, but lets one odd frame widen the steps of all.
KEPT = 0.999999
CANDIDATES = 256  # clips that are tried, equally spaced


def minmax(histogram: Histogram) -> float:
    """The largest magnitude seen: nothing is clipped."""
    return histogram.most


def percentile(histogram: Histogram) -> float:
    """The magnitude below which the share KEPT of the values lies (Wu et al. 2020, section 4.1)."""
    below = np.cumsum(histogram.counts)
    return _edge(histogram, int(np.searchsorted(below, KEPT * below[-1])) + 1)


def mse(histogram: Histogram) -> float:
    """argmin over c of sum_x (x - q(x))^2, q(x) = min(round(x STEPS / c), STEPS) c / STEPS.

    Rounding and clipping weighed against each other (Sung et al. 2015; OMSE of Choukroun et al. 2019).
    """
    x, counts = histogram.centres, histogram.counts
    clips = histogram.most * np.arange(1, CANDIDATES + 1) / CANDIDATES
    return float(clips[np.argmin([counts @ (x - _rounded(x, clip)) ** 2 for clip in clips])])


def _rounded(x: np.ndarray, clip: float) -> np.ndarray:
    return np.minimum(np.round(x * (STEPS / clip)), STEPS) * (clip / STEPS)


def entropy(histogram: Histogram) -> float:
    """argmin over c of KL(p || q): p the values clipped at c, q the same in STEPS + 1 bins (Migacz 2017).

    The bin at zero, which ReLU fills, counts as its neighbour, as in NVIDIA's pytorch-quantization.
    """
    counts = histogram.counts.astype(np.float64)
    counts[0] = counts[1]
    edges = np.unique(np.linspace(STEPS + 1, len(counts), CANDIDATES).astype(int))
    return _edge(histogram, int(edges[np.argmin([_divergence(counts, edge) for edge in edges])]))


def _divergence(counts: np.ndarray, edge: int) -> float:
    """In nats, between the first `edge` bins, with all beyond in the last, and STEPS + 1 equal bins."""
    kept = counts[:edge]
    p = kept.copy()
    p[-1] += counts[edge:].sum()
    group, levels = np.arange(edge) * (STEPS + 1) // edge, STEPS + 1
    filled = np.bincount(group, kept > 0, levels)
    q = np.where(kept > 0, (np.bincount(group, kept, levels) / np.maximum(filled, 1))[group], 0)
    both = (p > 0) & (q > 0)
    if not both.any() or (p > 0).sum() > both.sum():
        return np.inf
    p, q = p[both] / p.sum(), q[both] / q.sum()
    return float(p @ np.log(p / q))


def _edge(histogram: Histogram, bins: int) -> float:
    """The upper end of the first `bins` bins."""
    return bins * histogram.most / len(histogram.counts)


METHODS: dict[str, Callable[[Histogram], float]] = {
    "minmax": minmax,
    "percentile": percentile,
    "mse": mse,
    "entropy": entropy,
}

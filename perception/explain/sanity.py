"""Does a map depend on what was learnt? (Adebayo et al. 2018.)

Weights are shuffled within each layer, which keeps their scale, from the head down; a map that stays the same
shows the picture and not the network.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import nn

Module = TypeVar("Module", bound=nn.Module)
CASCADE = {  # what is shuffled, from the head down
    "head": ("heads.",),
    "head and neck": ("heads.", "trunk.neck"),
    "all": ("heads.", "trunk."),
}


def shuffled(network: Module, parts: Sequence[str], seed: int = 0) -> Module:
    """A copy in which the parameters whose names begin so are permuted, each within itself."""
    generator = torch.Generator().manual_seed(seed)
    other = copy.deepcopy(network)
    for name, values in other.named_parameters():
        if name.startswith(tuple(parts)):
            order = torch.randperm(values.numel(), generator=generator)
            values.data = values.data.flatten()[order].reshape(values.shape)
    return other


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's, over the places where either map says anything; 0 where one is the same everywhere.

    Both are zero far from the find, as no path leads there: those places would make any two maps alike.
    """
    said = (a > a.max() * 1e-6) | (b > b.max() * 1e-6)
    return spearman(a[said], b[said])


def spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Of values (n,), by the mean rank of equal ones; 0 where one side has equal ones only."""
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(_ranks(a), _ranks(b))[0, 1])


def _ranks(values: np.ndarray) -> np.ndarray:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return (ends - (counts - 1) / 2)[place.ravel()]

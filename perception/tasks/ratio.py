"""A division that knows nothing of nothing."""

from __future__ import annotations

import numpy as np


def ratio(part: np.ndarray, whole: np.ndarray, nothing: float = 0.0) -> np.ndarray:
    """`part / whole`, and `nothing` where the whole is 0."""
    part, whole = np.broadcast_arrays(np.asarray(part, np.float64), whole)
    return np.divide(part, whole, out=np.full(part.shape, nothing), where=whole != 0)

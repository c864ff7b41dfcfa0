"""IMTL-G (Liu et al. 2021): the combination whose projection onto every task's gradient is the same.

With unit gradients of Gramian C that is C w = constant, w summing to 1: w = C^+ 1 / sum(C^+ 1).
"""

from __future__ import annotations

import numpy as np

from perception.training.balance.method import OnGradients


class IMTLG(OnGradients):
    def mix(self, cosines: np.ndarray) -> np.ndarray:
        weights = np.linalg.pinv(cosines, rcond=1e-6, hermitian=True) @ np.ones(len(cosines))
        total = weights.sum()
        return weights / total if abs(total) > 1e-9 else np.zeros(len(cosines))

"""Aligned-MTL (Senushkin et al. 2023): gradients made orthogonal and of one length, the weakest one's.

With the Gramian M = V diag(l) V^T of rank r the weights are B 1 / t, B = sqrt(l_r) V diag(l^-1/2) V^T, over
the r directions there are.
"""

from __future__ import annotations

import numpy as np

from perception.training.balance.method import OnGradients


class AlignedMTL(OnGradients):
    def mix(self, cosines: np.ndarray) -> np.ndarray:
        values, vectors = np.linalg.eigh(cosines)
        kept = values > values.max() * len(values) * np.finfo(np.float32).eps
        values, vectors = values[kept], vectors[:, kept]
        aligned = np.sqrt(values.min()) * (vectors / np.sqrt(values)) @ vectors.T
        return aligned @ np.full(len(cosines), 1 / len(cosines))

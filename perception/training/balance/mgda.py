"""MGDA (Désidéri 2012; Sener and Koltun 2018): the shortest convex combination of the gradients.

No task loses by a step along it. Among a handful of tasks it is found exactly: on the right face of the
simplex the combination is orthogonal to the face.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from perception.training.balance.method import OnGradients


class MGDA(OnGradients):
    def mix(self, cosines: np.ndarray) -> np.ndarray:
        return shortest(cosines)


def shortest(gramian: np.ndarray) -> np.ndarray:
    """Weights (t,) >= 0 that sum to 1 and give the combination of least length."""
    tasks = len(gramian)
    best, length = np.full(tasks, 1 / tasks), np.inf
    for size in range(1, tasks + 1):
        for face in combinations(range(tasks), size):
            inner = np.linalg.pinv(gramian[np.ix_(face, face)]) @ np.ones(size)
            if inner.sum() <= 1e-12 or (inner < -1e-9).any():
                continue
            weights = np.zeros(tasks)
            weights[list(face)] = inner.clip(min=0) / inner.clip(min=0).sum()
            found = float(weights @ gramian @ weights)
            if found < length - 1e-12:
                best, length = weights, found
    if length == np.inf:  # the null vector lies inside: any solution of G w = 0
        values, vectors = np.linalg.eigh(gramian)
        best = np.abs(vectors[:, values.argmin()])
        best /= best.sum()
    return best

"""MGDA (Désidéri 2012; Sener and Koltun 2018): the shortest convex combination of the gradients.

No task loses by a step along it. Among a handful of tasks it is found exactly: on the right face of the
simplex the combination has the same product with each of its gradients.
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
        for face in map(list, combinations(range(tasks), size)):
            inner = _level(gramian[np.ix_(face, face)])
            if (inner < -1e-9).any():
                continue
            weights = np.zeros(tasks)
            weights[face] = inner.clip(min=0) / inner.clip(min=0).sum()
            found = float(weights @ gramian @ weights)
            if found < length - 1e-12:
                best, length = weights, found
    return best


def _level(gramian: np.ndarray) -> np.ndarray:
    """Weights (t,) that sum to 1 and give a combination with the same product, `p`, with each gradient.

    G w - p = 0 and sum(w) = 1; of many solutions, where G is singular, the least.
    """
    ones = np.ones((len(gramian), 1))
    system = np.block([[gramian, ones], [ones.T, np.zeros((1, 1))]])
    found: np.ndarray = np.linalg.lstsq(system, np.append(np.zeros(len(gramian)), 1.0), rcond=None)[0]
    return found[:-1]

"""UPGrad (Quinton and Rey 2024): the mean of the gradients, each projected onto the cone where no task loses.

The projection of g_i is g_i + sum_j v_j g_j with v >= 0 of least length, found exactly: for some set of tasks
the result is orthogonal to theirs, and v is 0 for the others.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from perception.training.balance.method import OnGradients


class UPGrad(OnGradients):
    def mix(self, cosines: np.ndarray) -> np.ndarray:
        return np.mean([projected(cosines, i) for i in range(len(cosines))], axis=0)


def projected(gramian: np.ndarray, i: int) -> np.ndarray:
    """Gradient i projected onto the dual cone, as weights (t,)."""
    tasks = len(gramian)
    best, length = np.eye(tasks)[i], np.inf
    for size in range(tasks + 1):
        for active in combinations(range(tasks), size):
            weights = np.eye(tasks)[i]
            added = -np.linalg.pinv(gramian[np.ix_(active, active)]) @ gramian[list(active), i]
            weights[list(active)] += added
            inside = (gramian @ weights >= -1e-7).all() and (added >= -1e-9).all()
            found = float(weights @ gramian @ weights)
            if inside and found < length - 1e-12:
                best, length = weights, found
    return best

"""PCGrad (Yu et al. 2020): each task's gradient loses what points against the others, one after the other.

The paper draws the order of the others at random; we take the mean over all orders, which is what it expects
and does not depend on the order of the tasks.
"""

from __future__ import annotations

from itertools import permutations

import numpy as np

from perception.training.balance.method import OnGradients


class PCGrad(OnGradients):
    def mix(self, cosines: np.ndarray) -> np.ndarray:
        tasks = range(len(cosines))
        orders = [(i, order) for i in tasks for order in permutations(j for j in tasks if j != i)]
        return np.mean([self._projected(cosines, i, order) for i, order in orders], axis=0)

    @staticmethod
    def _projected(cosines: np.ndarray, i: int, order: tuple[int, ...]) -> np.ndarray:
        """What is left of gradient i, as weights (t,)."""
        left = np.eye(len(cosines))[i]
        for j in order:
            left[j] -= min(float(left @ cosines[j]), 0.0) / cosines[j, j]
        return left

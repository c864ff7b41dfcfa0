"""Nash-MTL (Navon et al. 2022): the bargaining solution, G a = 1 / a.

It is the minimum of the convex a . G a / 2 - sum log a, which damped Newton steps find in a few rounds. The
paper approaches it by a sequence of convex programs.
"""

from __future__ import annotations

import numpy as np

from perception.training.balance.method import OnGradients, sized

ROUNDS = 60
RIDGE = 1e-4  # keeps opposed gradients from having no solution


class NashMTL(OnGradients):
    def mix(self, cosines: np.ndarray) -> np.ndarray:
        return sized(bargain(cosines + RIDGE * np.eye(len(cosines))), cosines)


def bargain(gramian: np.ndarray) -> np.ndarray:
    """The a (t,) > 0 with G a = 1 / a."""
    a = 1 / np.sqrt(np.diag(gramian) * len(gramian))
    for _ in range(ROUNDS):
        slope = gramian @ a - 1 / a
        step = np.linalg.solve(gramian + np.diag(1 / a**2), slope)
        worst = float((step / a).max())
        a = a - min(1.0, 0.9 / worst if worst > 0 else 1.0) * step
        if np.abs(slope * a).max() < 1e-12:
            break
    return np.asarray(a)

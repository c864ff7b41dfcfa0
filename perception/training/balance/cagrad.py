"""CAGrad (Liu et al. 2021): near the mean gradient, the direction in which the worst task gains most.

With the mean g0, g_w = sum_i w_i g_i and phi = C^2 |g0|^2, w on the simplex minimises
g_w . g0 + sqrt(phi) |g_w|; the step is g0 + sqrt(phi) g_w / |g_w|, here over 1 + C, so that gradients that
agree give their mean. Minimised by exponentiated gradient descent (Kivinen and Warmuth 1997), whose iterates
stay on the simplex, with smaller and smaller steps.
"""

from __future__ import annotations

import numpy as np

from perception.training.balance.method import OnGradients

C = 0.5
STEPS = 400


class CAGrad(OnGradients):
    def mix(self, cosines: np.ndarray) -> np.ndarray:
        tasks = len(cosines)
        mean = np.full(tasks, 1 / tasks)
        radius = C * np.sqrt(max(mean @ cosines @ mean, 0.0))
        worst = _worst(cosines, mean, radius)
        length = np.sqrt(max(worst @ cosines @ worst, 0.0))
        return (mean + (radius / length * worst if length > 1e-9 else 0.0)) / (1 + C)


def _worst(cosines: np.ndarray, mean: np.ndarray, radius: float) -> np.ndarray:
    weights = mean.copy()
    for k in range(STEPS):
        length = np.sqrt(max(weights @ cosines @ weights, 1e-18))
        slope = cosines @ mean + radius * (cosines @ weights) / length
        weights = weights * np.exp(-(slope - slope.min()) * 4.0 / (1 + k / 40))
        weights /= weights.sum()
    return weights

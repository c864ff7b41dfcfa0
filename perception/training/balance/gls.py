"""Geometric loss strategy (Chennupati et al. 2019): the geometric mean of the present tasks' losses.

Its gradient weighs task i by (prod_j L_j)^(1/t) / (t L_i), so that no loss counts for its scale. Here times
t: one step is then as long as one of the plain sum.
"""

from __future__ import annotations

import math

import numpy as np

from perception.training.balance.method import Losses, OnLosses, Weights


class GLS(OnLosses):
    def weights(self, losses: Losses, gramian: np.ndarray) -> Weights:
        logs = {task: math.log(max(loss, 1e-8)) for task, loss in losses.items()}
        middle = sum(logs.values()) / len(logs)
        return {task: math.exp(middle - log) for task, log in logs.items()}

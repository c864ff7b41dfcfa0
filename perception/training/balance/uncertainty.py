"""Uncertainty weighting (Kendall, Gal and Cipolla 2018): L = sum_i exp(-s_i) L_i + s_i.

s_i, the log variance of task i, descends that loss with a rate of its own: ds = rate (exp(-s) L - 1). At its
rest exp(-s_i) = 1 / L_i: every task ends with the same share of the whole.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from perception.training.balance.method import Losses, OnLosses, Weights

RATE = 0.02
LIMIT = 6.0  # of |s|


class Uncertainty(OnLosses):
    def __init__(self, base: dict[str, float], seed: int = 0) -> None:
        super().__init__(base, seed)
        self.log_variance: dict[str, float] = {}

    def weights(self, losses: Losses, gramian: np.ndarray) -> Weights:
        found = {task: math.exp(-self.log_variance.get(task, 0.0)) for task in losses}
        if len(losses) == 1:
            return dict.fromkeys(losses, 1.0)  # a single task has nothing to be weighed against
        for task, loss in losses.items():
            s = self.log_variance.get(task, 0.0) + RATE * (found[task] * loss - 1)
            self.log_variance[task] = min(max(s, -LIMIT), LIMIT)
        return found

    def state(self) -> dict[str, Any]:
        return {"log_variance": dict(self.log_variance)}

    def restore(self, state: dict[str, Any]) -> None:
        self.log_variance = dict(state["log_variance"])

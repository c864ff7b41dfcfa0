"""GradNorm (Chen et al. 2018): all tasks shall pull equally hard, those that lag behind a little harder.

With G_i = w_i |g_i|, the mean G of the tasks present, and r_i = (L_i / first L_i) / their mean, each w_i
descends |G_i - G r_i^ALPHA|, the target held fixed. Weights of tasks that are absent stay, so those present
keep the sum that they had; a step gets them scaled to a mean of 1.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from perception.training.balance.method import Losses, OnLosses, Weights

ALPHA = 1.0
RATE = 0.01
LEAST = 0.02


class GradNorm(OnLosses):
    needs_gramian = True

    def __init__(self, base: dict[str, float], seed: int = 0) -> None:
        super().__init__(base, seed)
        self.first: dict[str, float] = {}
        self.weight: dict[str, float] = {}

    def weights(self, losses: Losses, gramian: np.ndarray) -> Weights:
        length = np.sqrt(np.diag(gramian).clip(min=0))
        weight = np.array([self.weight.get(task, 1.0) for task in losses])
        first = np.array([self.first.setdefault(task, max(x, 1e-9)) for task, x in losses.items()])
        progress = np.array(list(losses.values())) / first
        target = (weight * length).mean() * (progress / max(progress.mean(), 1e-9)) ** ALPHA
        # the gradient of |w |g| - target| is sign(...) |g|; over the mean |g|, the losses' scale drops out
        pull = np.sign(weight * length - target) * length / max(length.mean(), 1e-12)
        moved = (weight - RATE * pull).clip(min=LEAST)
        moved *= weight.sum() / moved.sum()
        self.weight |= dict(zip(losses, moved.tolist(), strict=True))
        return dict(zip(losses, (weight * len(weight) / weight.sum()).tolist(), strict=True))

    def state(self) -> dict[str, Any]:
        return {"first": dict(self.first), "weight": dict(self.weight)}

    def restore(self, state: dict[str, Any]) -> None:
        self.first, self.weight = dict(state["first"]), dict(state["weight"])

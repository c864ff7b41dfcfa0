"""FAMO (Liu et al. 2023): the loss of every task shall fall at the same relative rate.

z = softmax(xi), w_i = c z_i / L_i with c = 1 / sum_i(z_i / L_i). After the step the losses of the same batch
tell which log losses fell least, and xi moves towards those: d xi = J(z)^T (log L - log L'), with decay. The
paper takes Adam for xi; so do we, a state for each task.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from perception.training.balance.method import Losses, OnLosses, Weights

RATE, DECAY = 0.025, 0.01
BETAS = (0.9, 0.999)


class FAMO(OnLosses):
    looks_again = True

    def __init__(self, base: dict[str, float], seed: int = 0) -> None:
        super().__init__(base, seed)
        self.xi: dict[str, list[float]] = {}  # value, Adam's two moments, its steps
        self.before: dict[str, float] = {}

    def weights(self, losses: Losses, gramian: np.ndarray) -> Weights:
        value = np.array([max(loss, 1e-8) for loss in losses.values()])
        share = self._share(list(losses)) / value
        self.before = dict(zip(losses, value.tolist(), strict=True))
        # c makes the weights sum to 1; times the number of tasks, one task alone has its plain gradient
        return dict(zip(losses, (len(losses) * share / share.sum()).tolist(), strict=True))

    def _share(self, tasks: list[str]) -> np.ndarray:
        value = np.exp([self.xi.get(task, [0.0])[0] for task in tasks])
        return value / value.sum()

    def observe(self, losses: Losses) -> None:
        tasks = [task for task in self.before if task in losses]
        fall = np.array([math.log(self.before[t]) - math.log(max(losses[t], 1e-8)) for t in tasks])
        share = self._share(tasks)
        gradient = share * (fall - share @ fall)  # of softmax(xi) . fall: xi descends it
        for task, g in zip(tasks, gradient.tolist(), strict=True):
            self.xi[task] = _adam(self.xi.get(task, [0.0, 0.0, 0.0, 0.0]), g)

    def state(self) -> dict[str, Any]:
        return {"xi": {k: list(v) for k, v in self.xi.items()}, "before": dict(self.before)}

    def restore(self, state: dict[str, Any]) -> None:
        self.xi, self.before = dict(state["xi"]), dict(state["before"])


def _adam(state: list[float], gradient: float) -> list[float]:
    value, first, second, steps = state
    gradient += DECAY * value
    steps += 1
    first = BETAS[0] * first + (1 - BETAS[0]) * gradient
    second = BETAS[1] * second + (1 - BETAS[1]) * gradient**2
    step = first / (1 - BETAS[0] ** steps) / (math.sqrt(second / (1 - BETAS[1] ** steps)) + 1e-8)
    return [value - RATE * step, first, second, steps]

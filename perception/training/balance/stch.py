"""Smooth Tchebycheff scalarisation (Lin et al. 2024): mu log sum_i exp((L_i - z_i) / mu), in log losses.

Its gradient is a softmax over how far each task is from its best: w_i = softmax((l_i - z_i) / MU) / L_i with
l = log L, z_i the lowest mean log loss seen so far less MARGIN. Scaled so that one task alone weighs 1. As in
the authors' experiments, the first WARM steps of a task only set its scale.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from perception.training.balance.method import Losses, OnLosses, Weights

MU = 0.5
MARGIN = 0.1
KEEP = 0.98  # of the running mean of a log loss, each step
WARM = 50


class STCH(OnLosses):
    def __init__(self, base: dict[str, float], seed: int = 0) -> None:
        super().__init__(base, seed)
        self.known: dict[str, list[float]] = {}  # running mean of log L, the lowest since WARM, steps

    def weights(self, losses: Losses, gramian: np.ndarray) -> Weights:
        logs = {task: math.log(max(loss, 1e-8)) for task, loss in losses.items()}
        for task, value in logs.items():
            self._note(task, value)
        ahead = np.array([(self.known[t][0] - self.known[t][1] + MARGIN) / MU for t in losses])
        share = np.exp(ahead - ahead.max()) / np.exp([self.known[t][0] for t in losses])
        return dict(zip(losses, (len(losses) * share / share.sum()).tolist(), strict=True))

    def _note(self, task: str, value: float) -> None:
        mean, lowest, steps = self.known.get(task, [value, value, 0.0])
        mean = KEEP * mean + (1 - KEEP) * value
        lowest = min(lowest, mean) if steps >= WARM else mean
        self.known[task] = [mean, lowest, steps + 1]

    def state(self) -> dict[str, Any]:
        return {"known": {k: list(v) for k, v in self.known.items()}}

    def restore(self, state: dict[str, Any]) -> None:
        self.known = dict(state["known"])

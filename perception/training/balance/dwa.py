"""Dynamic weight averaging (Liu, Johns and Davison 2019): tasks whose loss falls more slowly weigh more.

r_i = mean loss of the last window / that of the one before; w = t softmax(r / TEMPERATURE) over the t tasks
present. A window is so many of the task's own steps, in place of the paper's epoch, which data sets mixed by
share do not have.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from perception.training.balance.method import Losses, OnLosses, Weights

TEMPERATURE = 2.0
WINDOW = 100


class DWA(OnLosses):
    def __init__(self, base: dict[str, float], seed: int = 0) -> None:
        super().__init__(base, seed)
        self.means: dict[str, list[float]] = {}  # of up to two whole windows, older first
        self.sums: dict[str, list[float]] = {}  # of the window in work: sum and count

    def weights(self, losses: Losses, gramian: np.ndarray) -> Weights:
        pace = np.array([self._pace(task) for task in losses])
        share = np.exp(pace / TEMPERATURE - (pace / TEMPERATURE).max())
        for task, loss in losses.items():
            self._note(task, loss)
        return dict(zip(losses, (len(losses) * share / share.sum()).tolist(), strict=True))

    def _pace(self, task: str) -> float:
        means = self.means.get(task, [])
        return means[1] / max(means[0], 1e-12) if len(means) == 2 else 1.0

    def _note(self, task: str, loss: float) -> None:
        total, count = self.sums.get(task, [0.0, 0.0])
        self.sums[task] = [total + loss, count + 1]
        if count + 1 == WINDOW:
            self.means[task] = [*self.means.get(task, []), (total + loss) / WINDOW][-2:]
            self.sums[task] = [0.0, 0.0]

    def state(self) -> dict[str, Any]:
        return {"means": {k: list(v) for k, v in self.means.items()}, "sums": dict(self.sums)}

    def restore(self, state: dict[str, Any]) -> None:
        self.means, self.sums = dict(state["means"]), dict(state["sums"])

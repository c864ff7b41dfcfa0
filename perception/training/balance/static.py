"""Fixed weights: the plain weighted sum of the losses that are present."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from perception.training.balance.method import Losses, OnLosses, Weights


class StaticWeights(OnLosses):
    """A task that is not named in the settings has weight 1."""

    def weights(self, losses: Losses, gramian: np.ndarray) -> Weights:
        return {task: self.base.get(task, 1.0) for task in losses}


class EqualWeights(StaticWeights):
    """The plain sum, whatever the settings say."""

    def __init__(self, base: Mapping[str, float], seed: int = 0) -> None:
        super().__init__({}, seed)

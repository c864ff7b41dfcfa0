"""Fixed weights: the plain weighted sum of the losses that are present."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor


class StaticWeights:
    """`weights` by task name; a task not named has weight 1."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self.weights = dict(weights)

    def __call__(self, losses: Mapping[str, Tensor]) -> Tensor:
        """One scalar to differentiate; `losses` holds only the tasks present in this step."""
        return torch.stack([self.weights.get(name, 1.0) * loss for name, loss in losses.items()]).sum()

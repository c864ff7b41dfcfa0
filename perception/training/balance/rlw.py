"""Random loss weighting (Lin et al. 2022): w = t softmax(z), z drawn anew each step from a unit normal.

The draw of a task follows from the seed, its name and how often weights were drawn, so neither the order of
the tasks nor an interruption changes it.
"""

from __future__ import annotations

from typing import Any
from zlib import crc32

import numpy as np

from perception.training.balance.method import Losses, OnLosses, Weights


class RLW(OnLosses):
    def __init__(self, base: dict[str, float], seed: int = 0) -> None:
        super().__init__(base, seed)
        self.step = 0

    def weights(self, losses: Losses, gramian: np.ndarray) -> Weights:
        keys = [(self.seed, self.step, crc32(task.encode())) for task in losses]
        draw = np.exp([np.random.default_rng(key).normal() for key in keys])
        self.step += 1
        return dict(zip(losses, (len(losses) * draw / draw.sum()).tolist(), strict=True))

    def state(self) -> dict[str, Any]:
        return {"step": self.step}

    def restore(self, state: dict[str, Any]) -> None:
        self.step = state["step"]

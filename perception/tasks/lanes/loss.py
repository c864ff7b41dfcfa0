"""The loss of lane lines, lane paint and road edges."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from perception.tasks.batch import MAPS, Batch
from perception.tasks.lanes.head import FACTOR
from perception.tasks.map_loss import map_loss, shuffled

PARTS = {"line": (2.0, 0.5), "paint": (1.0, 0.25), "edge": (1.0, 0.5)}  # weight, share of Dice


class LanesLoss:
    def __call__(self, outputs: Mapping[str, Tensor], batch: Batch) -> Tensor | None:
        """The loss over the pixels whose truth is known, or None if there are none."""
        maps = shuffled(outputs["lanes.map"], FACTOR)
        logits = {
            "line": maps[:, 0],
            "paint": maps[:, 1],
            "edge": shuffled(outputs["lanes.edges"], FACTOR)[:, 0],
        }
        found = [
            weight * loss
            for name, (weight, dice) in PARTS.items()
            if (loss := map_loss(logits[name], batch.maps[:, MAPS.index(name)], dice)) is not None
        ]
        return torch.stack(found).sum() if found else None

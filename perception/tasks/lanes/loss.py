"""The loss of lane lines and lane paint."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from perception.tasks.batch import Batch
from perception.tasks.lanes.head import FACTOR
from perception.tasks.map_loss import map_loss, shuffled

LINE_WEIGHT, PAINT_WEIGHT = 2.0, 1.0


class LanesLoss:
    def __call__(self, outputs: Mapping[str, Tensor], batch: Batch) -> Tensor | None:
        """The loss over the pixels whose truth is known, or None if there are none."""
        maps = shuffled(outputs["lanes.map"], FACTOR)
        line = map_loss(maps[:, 0], batch.maps[:, 1], dice=0.5)
        paint = map_loss(maps[:, 1], batch.maps[:, 2], dice=0.25)
        if line is None:
            return None if paint is None else PAINT_WEIGHT * paint
        return LINE_WEIGHT * line + (0 if paint is None else PAINT_WEIGHT * paint)

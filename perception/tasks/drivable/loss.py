"""The drivable area's loss."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from perception.tasks.batch import Batch
from perception.tasks.drivable.head import FACTOR
from perception.tasks.map_loss import map_loss, shuffled


class DrivableLoss:
    def __call__(self, outputs: Mapping[str, Tensor], batch: Batch) -> Tensor | None:
        """The loss over the pixels whose truth is known, or None if there are none."""
        logits = shuffled(outputs["drivable.map"], FACTOR)[:, 0]
        return map_loss(logits, batch.maps[:, 0], dice=0.5)

"""The training half of the tasks table: losses. Each says None when the batch has no truth for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from torch import Tensor

from perception.tasks.batch import Batch
from perception.tasks.detection.loss import DetectionLoss
from perception.tasks.drivable.loss import DrivableLoss
from perception.tasks.lanes.loss import LanesLoss
from perception.tasks.signs.loss import GridSignLoss, SignLoss


class Loss(Protocol):
    def __call__(self, outputs: Mapping[str, Tensor], batch: Batch) -> Tensor | None: ...


LOSSES: dict[str, Loss] = {
    "detection": DetectionLoss(),
    "lanes": LanesLoss(),
    "signs": SignLoss(),
    "signs_grid": GridSignLoss(),
    "drivable": DrivableLoss(),
}

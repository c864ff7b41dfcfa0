"""The training half of the tasks table: heads. Needs torch; `perception.tasks` does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from perception.tasks.detection.head import DetectionHead
from perception.tasks.drivable.head import DrivableHead
from perception.tasks.lanes.head import LanesHead
from perception.tasks.signs.head import SignHead, SignHeadOnGrid

CROP_READERS = ("signs",)  # heads that read crops, the others read frames

HEADS: dict[str, Callable[[Any], nn.Module]] = {
    "detection": lambda trunk: DetectionHead(trunk.widths),
    "lanes": lambda trunk: LanesHead(trunk.widths),
    "signs": lambda trunk: SignHead(trunk.encoder),
    "signs_grid": lambda trunk: SignHeadOnGrid(trunk.widths),
    "drivable": lambda trunk: DrivableHead(trunk.widths),
}

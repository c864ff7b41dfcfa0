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

HEADS: dict[str, Callable[[Any, int], nn.Module]] = {  # for a trunk and so many classes
    "detection": lambda trunk, classes: DetectionHead(trunk.widths, classes),
    "lanes": lambda trunk, classes: LanesHead(trunk.widths),
    "signs": lambda trunk, classes: SignHead(trunk.encoder, classes),
    "signs_grid": lambda trunk, classes: SignHeadOnGrid(trunk.widths, classes),
    "drivable": lambda trunk, classes: DrivableHead(trunk.widths),
}

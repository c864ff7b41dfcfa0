"""What an attack drives up: how far a task's cells are from what they said of the clean picture, and how sure
they look while they are wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from perception.bundle import TaskSpec
from perception.convention import STRIDES
from perception.kernels.reference import logit
from perception.tasks.detection.confidence import LEAST

Outputs = Mapping[str, Tensor]  # with a batch axis of one
SURE = 5.0  # what confidence counts against the mean error of a cell, in an adaptive attack


def _objects(outputs: Outputs, spec: TaskSpec) -> Tensor:
    least = torch.tensor([logit(spec.settings["threshold"][name]) for name in spec.classes])[:, None]
    levels = [outputs[f"detection.scores{stride}"][0].flatten(1) - least for stride in STRIDES]
    return torch.cat(levels, 1).flatten()


def _lines(outputs: Outputs, spec: TaskSpec) -> Tensor:
    maps = outputs["lanes.map"][0]
    return maps[: len(maps) // 2].flatten() - logit(spec.settings.get("threshold", 0.5))


def _area(outputs: Outputs, spec: TaskSpec) -> Tensor:
    return outputs["drivable.map"][0].flatten() - logit(spec.settings.get("threshold", 0.5))


CELLS: dict[str, Callable[[Outputs, TaskSpec], Tensor]] = {  # task -> logits above its threshold, (n,)
    "detection": _objects,
    "lanes": _lines,
    "drivable": _area,
}


def error(cells: Tensor, clean: Tensor) -> Tensor:
    """The cross entropy of `cells` (n,) with what the `clean` ones said: the mean of those that were above
    the threshold, and of as many others that are nearest to it."""
    was = clean > 0
    lost = F.softplus(-cells[was])
    count = min(max(len(lost), 1), int((~was).sum()))
    invented = F.softplus(cells[~was]).topk(count).values
    return (lost.mean() if len(lost) else 0) + invented.mean()


def sureness(cells: Tensor) -> Tensor:
    """The F1 that `cells` (n,) promise of themselves, 0..1, as the confidence of the tasks."""
    chance, found = cells.sigmoid(), cells > 0
    right = chance[found].sum()
    doubtful = chance[(cells > LEAST) & ~found].sum()
    return 2 * right / (found.sum() + right + doubtful).clamp(min=1e-6)

"""The loss of a class map: cross entropy over the judged pixels."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from perception.tasks.added_batch import AddedBatch
from perception.types import VOID


def loss(maps: Tensor, batch: AddedBatch, weight: Tensor) -> Tensor:
    """`maps` (b, classes * factor^2, h, w), labels (b, h * factor, w * factor), `weight` (classes,)."""
    assert batch.labels is not None
    scores = torch.pixel_shuffle(maps, batch.labels.shape[1] // maps.shape[2])
    return F.cross_entropy(scores, batch.labels, weight, ignore_index=VOID)

"""The loss of the classes of objects: cross entropy of the largest scores in each box."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from perception.tasks.added_batch import AddedBatch


def loss(maps: Tensor, batch: AddedBatch, weight: Tensor) -> Tensor:
    """`maps` (b, classes, h, w); `weight` (classes,). A place of the batch is an object's box."""
    rows = [maps[k, :, y1:y2, x1:x2].amax((1, 2)) for k, (x1, y1, x2, y2) in batch.places]
    return F.cross_entropy(torch.stack(rows), batch.class_id, weight)

"""The loss of a class of the image: cross entropy of the mean scores."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from perception.tasks.added_batch import AddedBatch

SMOOTHING = 0.05


def loss(maps: Tensor, batch: AddedBatch, weight: Tensor) -> Tensor:
    """`maps` (b, classes, h, w); `weight` (classes,). A place of the batch is all of the image."""
    rows = [maps[k, :, y1:y2, x1:x2].mean((1, 2)) for k, (x1, y1, x2, y2) in batch.places]
    return F.cross_entropy(torch.stack(rows), batch.class_id, weight, label_smoothing=SMOOTHING)

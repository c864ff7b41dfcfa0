"""The losses of the two ways to read signs."""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F

from perception.convention import STRIDES
from perception.tasks.batch import Batch
from perception.tasks.detection import CLASSES

SIGN = CLASSES.index("traffic_sign")
OUTSIDE = 0.5  # weight of crops that are no known sign
LARGEST = (64.0, 128.0, float("inf"))  # pixels: sides of the signs that each level answers for


class SignLoss:
    """Cross entropy of the known signs; crops that are none of them shall be answered evenly.

    Outlier exposure (Hendrycks, Mazeika, Dietterich 2019), with the weight that they give for images.
    """

    def __call__(self, outputs: Mapping[str, Tensor], batch: Batch) -> Tensor | None:
        """The mean over known crops plus OUTSIDE times that over others; None if the batch has none."""
        if not len(batch.crop_signs):
            return None
        logits, known = outputs["signs.logits"].float(), batch.crop_signs >= 0
        classes = batch.crop_signs.clamp(min=0)
        read = F.cross_entropy(logits, classes, label_smoothing=0.05, reduction="none")
        even = -logits.log_softmax(1).mean(1) - math.log(logits.shape[1])  # 0 where all are equally likely
        return _mean(read, known) + OUTSIDE * _mean(even, ~known)


def _mean(values: Tensor, of: Tensor) -> Tensor:
    """Over those `of` it; 0 of none."""
    return (values * of).sum() / of.sum().clamp(min=1)


class GridSignLoss:
    def __call__(self, outputs: Mapping[str, Tensor], batch: Batch) -> Tensor | None:
        """Cross entropy at the cell in the middle of each sign, or None without a known sign."""
        logits, truth = [], []
        smallest = 0.0
        for stride, largest in zip(STRIDES, LARGEST, strict=True):
            rows, cells = _cells(batch, stride, smallest, largest)
            grid = outputs[f"signs_grid.logits{stride}"]
            x = cells[:, 0].clamp(0, grid.shape[3] - 1)
            y = cells[:, 1].clamp(0, grid.shape[2] - 1)
            logits.append(grid[rows[:, 0], :, y, x])
            truth.append(batch.signs[rows[:, 0], rows[:, 1]])
            smallest = largest
        known = torch.cat(truth)
        return F.cross_entropy(torch.cat(logits).float(), known, label_smoothing=0.05) if len(known) else None


def _cells(batch: Batch, stride: int, smallest: float, largest: float) -> tuple[Tensor, Tensor]:
    """(image, box) rows of known signs of a size, and the cell (x, y) at their middle."""
    side = (batch.boxes[..., 2:] - batch.boxes[..., :2]).amax(-1)
    known = batch.valid & batch.sure & (batch.signs >= 0) & (batch.labels == SIGN)
    rows = (known & (side >= smallest) & (side < largest)).nonzero()
    boxes = batch.boxes[rows[:, 0], rows[:, 1]]
    return rows, ((boxes[:, :2] + boxes[:, 2:]) / 2 / stride).long()

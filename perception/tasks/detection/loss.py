"""Task-aligned detection loss for images whose classes are labelled only in part.

Assignment follows TOOD (Feng et al. 2021): a truth box takes the cells where score^0.5 * iou^4 is highest.
Scores learn the quality of their box (as in VarifocalNet, Zhang et al. 2021); boxes learn generalised IoU
(Rezatofighi et al. 2019). Two things are ours. Each truth box has the same weight at its best cell: weighed
by quality, as in TOOD, small boxes that fit badly would be corrected last. And every class of every image has
a negative-label weight. Where a class is not labelled exhaustively, empty cells teach it little or nothing,
and unsure boxes mark places where nothing at all is learnt about their class.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional as F
from torchvision.ops import generalized_box_iou_loss

from perception.convention import STRIDES
from perception.tasks.batch import Batch

TOP = 10  # cells a truth box may take
LARGEST = 7.0  # log distance: e^7 strides are beyond any image
BOX_WEIGHT = 2.0
SURE_SHARE = 0.25  # least weight of a positive cell
UNLIKE = 0.05  # boxes that overlap less are all taken as equally unlike: the score alone tells them apart


def cells(shapes: list[tuple[int, int]]) -> tuple[Tensor, Tensor]:
    """Centres (n, 2) in pixels and strides (n,) of all cells, finest level first."""
    centres, strides = [], []
    for (h, w), stride in zip(shapes, STRIDES, strict=True):
        y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
        centres.append((torch.stack([x, y], -1).reshape(-1, 2) + 0.5) * stride)
        strides.append(torch.full((h * w,), float(stride)))
    return torch.cat(centres), torch.cat(strides)


def flatten(outputs: Mapping[str, Tensor]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Network outputs to logits (b, n, classes), boxes xyxy (b, n, 4) pixels, centres, strides."""
    levels = [outputs[f"detection.scores{s}"] for s in STRIDES]
    logits = torch.cat([x.float().flatten(2) for x in levels], 2).transpose(1, 2)
    raw = torch.cat([outputs[f"detection.boxes{s}"].float().flatten(2) for s in STRIDES], 2).transpose(1, 2)
    centres, strides = (x.to(raw.device) for x in cells([(x.shape[2], x.shape[3]) for x in levels]))
    reach = raw.clamp(max=LARGEST).exp() * strides[:, None]
    return logits, torch.cat([centres - reach[..., :2], centres + reach[..., 2:]], -1), centres, strides


class DetectionLoss:
    def __call__(self, outputs: Mapping[str, Tensor], batch: Batch) -> Tensor | None:
        """The loss, or None if no image of the batch has boxes to learn, or negative labels."""
        if not batch.has_boxes.any():
            return None
        logits, boxes, centres, strides = flatten(outputs)
        with torch.no_grad():
            image, cell, box, quality, share = assign(logits.sigmoid(), boxes, centres, strides, batch)
            target = torch.zeros_like(logits)
            target[image, cell, batch.labels[image, box]] = quality
            trusted = batch.negative_weight[:, None] * _learnable(centres, batch, logits.shape[2])
        if not len(box) and not trusted.any():
            return None
        norm = target.sum().clamp(min=1.0)
        score = _score_loss(logits, target, trusted).sum() / norm
        overlap: Tensor = generalized_box_iou_loss(boxes[image, cell], batch.boxes[image, box])
        return score + BOX_WEIGHT * (overlap * share).sum() / share.sum().clamp(min=1.0)


def _score_loss(logits: Tensor, target: Tensor, trusted: Tensor) -> Tensor:
    """Cross entropy to the quality; an empty cell counts by how wrong it is and how sure its emptiness."""
    wrong = 0.75 * logits.detach().sigmoid().square() * trusted
    weight = torch.where(target > 0, target.clamp(min=SURE_SHARE), wrong)
    return F.binary_cross_entropy_with_logits(logits, target, reduction="none") * weight


def _learnable(centres: Tensor, batch: Batch, classes: int) -> Tensor:
    """(b, n, classes) float: 0 at cells inside a box of that class that is not sure, else 1."""
    image, box = (batch.valid & ~batch.sure).nonzero(as_tuple=True)
    inside = _inside(centres, batch.boxes[image, box]).float()
    hits = torch.zeros(len(batch.boxes), classes, len(centres), device=centres.device)
    hits.index_put_((image, batch.labels[image, box]), inside, accumulate=True)
    return (hits == 0).float().transpose(1, 2)


def _inside(centres: Tensor, boxes: Tensor) -> Tensor:
    """(k, n) bool: cell centre n lies in box k."""
    x, y = centres.unbind(1)
    x1, y1, x2, y2 = boxes[:, :, None].unbind(1)
    return (x > x1) & (x < x2) & (y > y1) & (y < y2)


def assign(
    scores: Tensor, boxes: Tensor, centres: Tensor, strides: Tensor, batch: Batch
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Which cells answer for which truth boxes: rows (image, cell, box), the quality (k,) to learn there, and
    how far each is the best of its box's cells (k,), 1 at the best.

    Args: scores (b, n, classes) probabilities, boxes (b, n, 4) pixels, centres (n, 2), strides (n,).
    A cell answers for one box at most: of those that chose it, the one it overlaps most.
    """
    image, box = (batch.valid & batch.sure).nonzero(as_tuple=True)
    truth = batch.boxes[image, box]
    overlap = _iou(truth, boxes[image])
    middle = (truth[:, :2] + truth[:, 2:]) / 2
    near = (centres - middle[:, None]).abs().amax(-1) < 0.75 * strides  # boxes smaller than a cell
    of_class = scores[image, :, batch.labels[image, box]]
    align = (
        of_class.clamp(min=1e-6).sqrt() * overlap.clamp(min=UNLIKE) ** 4 * (_inside(centres, truth) | near)
    )
    best = align.topk(min(TOP, align.shape[1]), dim=1)
    chosen = torch.zeros_like(align).scatter_(1, best.indices, (best.values > 0).float()) * (overlap + 1e-6)
    owner = image[:, None].expand_as(chosen)
    winner = torch.zeros_like(scores[..., 0]).scatter_reduce_(0, owner, chosen, "amax")
    mine = (chosen > 0) & (chosen == winner[image])
    align, overlap = align * mine, overlap * mine
    top = overlap.amax(1, keepdim=True).clamp(min=0.1)
    share = align / align.amax(1, keepdim=True).clamp(min=1e-12)
    row, cell = mine.nonzero(as_tuple=True)
    return image[row], cell, box[row], (share * top)[row, cell], share[row, cell]


def _iou(truth: Tensor, boxes: Tensor) -> Tensor:
    """(k, 4) and (k, n, 4) to (k, n)."""
    tx1, ty1, tx2, ty2 = truth[:, :, None].unbind(1)
    x1, y1, x2, y2 = boxes.unbind(2)
    width = (torch.minimum(tx2, x2) - torch.maximum(tx1, x1)).clamp(min=0)
    both = width * (torch.minimum(ty2, y2) - torch.maximum(ty1, y1)).clamp(min=0)
    return both / ((tx2 - tx1) * (ty2 - ty1) + (x2 - x1) * (y2 - y1) - both + 1e-6)

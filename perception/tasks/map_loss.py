"""The loss of a probability map whose truth is soft and has holes."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from perception.tasks.batch import CERTAIN, UNKNOWN


def map_loss(logits: Tensor, truth: Tensor, dice: float) -> Tensor | None:
    """Cross entropy plus `dice` times the soft Dice loss (Milletari et al. 2016), over known pixels.

    Args: logits (b, h, w); truth (b, h, w) uint8, 0..254 = probability x 254, 255 unknown.
    None if nothing is known. Images count equally; each by its share of known pixels.
    """
    known = truth != UNKNOWN
    if not known.any():
        return None
    target = truth.float() / CERTAIN * known
    logits = logits.float()
    error = F.binary_cross_entropy_with_logits(logits, target, reduction="none") * known
    entropy = error.sum() / known.sum()
    chance = logits.sigmoid() * known
    some = target.flatten(1).amax(1) > 0.5
    if not some.any():
        return entropy
    both = (chance * target).flatten(1).sum(1)
    sizes = chance.square().flatten(1).sum(1) + target.square().flatten(1).sum(1)
    return entropy + dice * (1 - (2 * both[some] + 1) / (sizes[some] + 1)).mean()


def shuffled(map_: Tensor, factor: int) -> Tensor:
    """(b, maps * factor^2, h, w) to (b, maps, h * factor, w * factor), torch.nn.PixelShuffle's order."""
    return torch.pixel_shuffle(map_, factor)

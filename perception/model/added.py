"""The head of an added task: one 3x3 convolution and one 1x1, on features of the frozen network.

It may look at finer features, too, as the decoder of DeepLabv3+ does (Chen et al. 2018): the old tasks have
left out of the coarse ones what only the new task needs, such as where a wall ends.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class AddedHead(nn.Module):
    """`inputs`: channels of the features, and, if `detail`, of those of half the stride, of which a 3x3
    convolution makes `detail` channels more for the head to read."""

    def __init__(self, inputs: Sequence[int], hidden: int, outputs: int, detail: int = 0) -> None:
        super().__init__()
        self.detail = nn.Conv2d(inputs[1], detail, 3, 2, 1) if detail else None
        self.tower = nn.Conv2d(inputs[0] + detail, hidden, 3, 1, 1)
        self.out = nn.Conv2d(hidden, outputs, 1)
        for layer in (self.detail, self.tower):
            if layer is not None:
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def details(self, features: Sequence[Tensor]) -> Tensor | None:
        return None if self.detail is None else self.detail(features[1]).relu()

    def hidden(self, features: Sequence[Tensor]) -> Tensor:
        """What stands before the last convolution."""
        details = self.details(features)
        own = features[0] if details is None else torch.cat([features[0], details], 1)
        return self.tower(own).relu()

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """(b, inputs[0], h, w), and perhaps (b, inputs[1], 2 h, 2 w), to maps (b, outputs, h, w)."""
        maps: Tensor = self.out(self.hidden(features))
        return maps

    def scale_details(self, factor: float) -> None:
        """Make the details so much larger, and the answers the same."""
        if self.detail is not None:
            for value in self.detail.parameters():
                value.mul_(factor)
            self.tower.weight[:, -len(self.detail.weight) :].div_(factor)

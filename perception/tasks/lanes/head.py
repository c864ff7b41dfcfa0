"""Two maps at stride 2: `line`, the marking through its gaps, and `paint`, where paint is."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from perception.model.blocks import RepConv

MAPS = 2  # line, paint
PRIOR = -3.0  # logit of a 5 % chance: most of an image is no line
FACTOR = 4  # sub-pixels a side: from stride 8 to stride 2


class LanesHead(nn.Module):
    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.tower = RepConv(widths[0], 64)
        self.map = nn.Conv2d(64, MAPS * FACTOR**2, 1)
        self.map.bias = nn.Parameter(torch.full((MAPS * FACTOR**2,), PRIOR))

    def forward(self, levels: Sequence[Tensor]) -> dict[str, Tensor]:
        """Pyramid levels to `map` (b, 32, h, w) at stride 8, a 4x4 pixel shuffle of two maps."""
        return {"map": self.map(self.tower(levels[0]))}

"""Maps at stride 2: `line`, a marking through its gaps; `paint`, where paint is; `edges`, the road's ends."""

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
        self.map, self.edges = _last(MAPS), _last(1)

    def forward(self, levels: Sequence[Tensor]) -> dict[str, Tensor]:
        """Pyramid levels to `map` (b, 32, h, w) and `edges` (b, 16, h, w): 4x4 pixel shuffles at stride 8."""
        x = self.tower(levels[0])
        return {"map": self.map(x), "edges": self.edges(x)}


def _last(maps: int) -> nn.Conv2d:
    conv = nn.Conv2d(64, maps * FACTOR**2, 1)
    conv.bias = nn.Parameter(torch.full((maps * FACTOR**2,), PRIOR))
    return conv

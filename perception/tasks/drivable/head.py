"""One map at stride 2: the road surface a vehicle could drive on."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from perception.model.blocks import RepConv

FACTOR = 4  # sub-pixels a side: from stride 8 to stride 2


class DrivableHead(nn.Module):
    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.tower = RepConv(widths[0], 32)
        self.map = nn.Conv2d(32, FACTOR**2, 1)

    def forward(self, levels: Sequence[Tensor]) -> dict[str, Tensor]:
        """Pyramid levels to `map` (b, 16, h, w) at stride 8, a 4x4 pixel shuffle of one map."""
        return {"map": self.map(self.tower(levels[0]))}

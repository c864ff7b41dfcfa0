"""The neck: a top-down feature pyramid (Lin et al. 2017) at strides 8, 16 and 32, one width for all.

The finest level also takes the stride-4 features in through one strided convolution. Heads that need
more resolution than stride 8 predict sub-pixels from it (a pixel shuffle, Shi et al. 2016): convolving
few channels at stride 4 costs more time than many at stride 8 for the same arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional as F

from perception.model.blocks import RepConv, down, lateral


class Neck(nn.Module):
    def __init__(self, widths: Sequence[int], width: int) -> None:
        super().__init__()
        self.detail = down(widths[0], width)
        self.lateral = nn.ModuleList([lateral(w, width) for w in widths[1:]])
        self.fuse = nn.ModuleList([RepConv(width, width) for _ in widths[1:]])

    def forward(self, features: Sequence[Tensor]) -> list[Tensor]:
        """The encoder's features to pyramid levels (b, width, h, w) at strides 8, 16, 32."""
        detail, *rest = features
        sums = [join(x) for join, x in zip(self.lateral, rest, strict=True)]
        levels = [self.fuse[2](F.relu(sums[2]))]
        for i in (1, 0):
            total = sums[i] + F.interpolate(levels[0], scale_factor=2.0, mode="nearest")
            if i == 0:
                total = total + self.detail(detail)
            levels.insert(0, self.fuse[i](F.relu(total)))
        return levels

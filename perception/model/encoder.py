"""The shared encoder: strides 4, 8, 16 and 32."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from torch import Tensor, nn

from perception.model.blocks import Patchify, RepConv


class Encoder(nn.Module):
    """`widths` and `depths` of the stages at strides 4, 8, 16, 32; a stage's first block halves the size."""

    def __init__(self, widths: Sequence[int], depths: Sequence[int]) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.stem = Patchify(widths[0])
        self.stages = nn.ModuleList()
        for i, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            first = RepConv(width if i == 0 else widths[i - 1], width, 1 if i == 0 else 2)
            rest = [RepConv(width, width) for _ in range(depth - 1)]
            self.stages.append(nn.ModuleList([first, *rest]))

    def forward(self, x: Tensor) -> list[Tensor]:
        """Normalised images (b, 3, h, w) to the features of each stage, finest first."""
        features = []
        x = self.stem(x)
        for k in range(len(self.stages)):
            x = self.stage(k, x)
            features.append(x)
        return features

    def stage(self, k: int, x: Tensor) -> Tensor:
        """Stage `k` alone."""
        for block in cast(nn.ModuleList, self.stages[k]):
            x = block(x)
        return x

    def front(self, x: Tensor, norms: Iterable[nn.Module]) -> Tensor:
        """The first two stages alone, on sign crops, with the crops' own batch norms."""
        for block, norm in zip(self.front_blocks(), norms, strict=True):
            x = block(x, norm)
        return x

    def front_blocks(self) -> Iterator[Patchify | RepConv]:
        yield self.stem
        for stage in self.stages[:2]:
            yield from cast(Iterable[RepConv], stage)

    def front_norms(self) -> nn.ModuleList:
        """A fresh set of batch norms for `front`."""
        return nn.ModuleList([nn.BatchNorm2d(block.norm.num_features) for block in self.front_blocks()])

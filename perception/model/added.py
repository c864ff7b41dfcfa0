"""The head of an added task: one 3x3 convolution and one 1x1, on features of the frozen network."""

from __future__ import annotations

from torch import Tensor, nn


class AddedHead(nn.Module):
    def __init__(self, inputs: int, hidden: int, outputs: int) -> None:
        super().__init__()
        self.tower = nn.Conv2d(inputs, hidden, 3, 1, 1)
        self.out = nn.Conv2d(hidden, outputs, 1)
        nn.init.kaiming_normal_(self.tower.weight, nonlinearity="relu")

    def hidden(self, features: Tensor) -> Tensor:
        """What stands between the two."""
        return self.tower(features).relu()

    def forward(self, features: Tensor) -> Tensor:
        """(b, inputs, h, w) to maps (b, outputs, h, w)."""
        maps: Tensor = self.out(self.hidden(features))
        return maps

"""A tiny network whose answers have their place: a blue detector on cells of 8 pixels."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from perception.convention import STRIDES

SIZE = (96, 64)  # (width, height) of its input
SIDE = 2.0  # strides: of the boxes that it gives


class Local(nn.Module):
    """Brightness at stride 8, one 3x3 layer; the score of a cell is how bright its surroundings are."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = nn.Sequential(nn.Conv2d(3, 4, 8, 8), nn.ReLU())
        self.heads = nn.Conv2d(4, 1, 3, 1, 1)
        generator = torch.Generator().manual_seed(0)
        for values in self.parameters():
            values.data = torch.rand(values.shape, generator=generator) * 0.1
        self.requires_grad_(False)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        fine = self.heads(self.trunk(images)) - 4
        outputs = {}
        for stride in STRIDES:
            scores = fine if stride == 8 else fine[..., :: stride // 8, :: stride // 8] - 99
            outputs[f"detection.scores{stride}"] = scores
            sides = torch.full_like(scores, SIDE / 2).log().expand(-1, 4, -1, -1)
            outputs[f"detection.boxes{stride}"] = sides
        return outputs

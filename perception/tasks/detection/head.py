"""Anchor-free boxes: a score a class and four log distances at every cell of three pyramid levels.

No objectness and no distance distribution: scores carry the quality (task-aligned assignment, see
loss.py), and a log distance keeps its relative precision in 8 bits for small and large boxes alike.
Scores and boxes are separate outputs: quantised together, one range would crush the other.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from perception.convention import STRIDES
from perception.model.blocks import RepConv
from perception.tasks.detection import CLASSES

PRIOR = -4.6  # logit of a 1 % score: nearly every cell is background
START = 0.5  # log distance: boxes begin about three strides wide


class DetectionHead(nn.Module):
    def __init__(self, widths: Sequence[int], classes: int = len(CLASSES)) -> None:
        super().__init__()
        self.towers = nn.ModuleList([RepConv(w, w) for w in widths])
        self.scores = nn.ModuleList([_last(w, classes, PRIOR) for w in widths])
        self.boxes = nn.ModuleList([_last(w, 4, START) for w in widths])

    def forward(self, levels: Sequence[Tensor]) -> dict[str, Tensor]:
        """Pyramid levels to `scores8` (b, classes, h, w), `boxes8` (b, 4, h, w), … for each stride."""
        out = {}
        for i, stride in enumerate(STRIDES):
            x = self.towers[i](levels[i])
            out[f"scores{stride}"] = self.scores[i](x)
            out[f"boxes{stride}"] = self.boxes[i](x)
        return out


def _last(inputs: int, outputs: int, bias: float) -> nn.Conv2d:
    """A 1x1 convolution that begins with about the same answer everywhere."""
    conv = nn.Conv2d(inputs, outputs, 1)
    nn.init.normal_(conv.weight, std=0.01)
    conv.bias = nn.Parameter(torch.full((outputs,), bias))
    return conv

"""The one block the network is made of: a dense 3x3 convolution, batch norm and ReLU.

Dense 3x3 convolutions with many channels are what CPUs and Jetsons run fastest in INT8; depthwise,
grouped and attention layers are several times slower per operation. Training adds a 1x1 and an
identity path as RepVGG does (Ding et al. 2021), but sums them in weight space, before the one batch
norm, so that training costs no extra activations and the fused network is exactly the trained one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class RepConv(nn.Module):
    """relu(norm(conv(x))) with weight w3 + pad(w1) + diag(a); the identity only where shapes allow."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__()
        self.stride = stride
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        nn.init.kaiming_normal_(self.conv.weight, nonlinearity="relu")
        self.point = nn.Parameter(torch.randn(outputs, inputs) * inputs**-0.5)
        self.identity = nn.Parameter(torch.ones(outputs)) if inputs == outputs and stride == 1 else None
        self.norm = nn.BatchNorm2d(outputs)

    def weight(self) -> Tensor:
        """(outputs, inputs, 3, 3): the three paths as one kernel."""
        centre = self.point if self.identity is None else self.point + torch.diag(self.identity)
        return self.conv.weight + F.pad(centre[:, :, None, None], (1, 1, 1, 1))

    def forward(self, x: Tensor, norm: nn.Module | None = None) -> Tensor:
        """`norm` replaces the block's own batch norm, for inputs of other statistics (sign crops)."""
        y = F.conv2d(x, self.weight(), None, self.stride, 1)
        return F.relu((norm or self.norm)(y), inplace=True)


class Patchify(nn.Module):
    """Non-overlapping 4x4 patches: the cheapest way from 3 channels at full size to stride 4."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, outputs, 4, 4, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor, norm: nn.Module | None = None) -> Tensor:
        return F.relu((norm or self.norm)(self.conv(x)), inplace=True)


class Linear2d(nn.Module):
    """A convolution and its batch norm, no activation: what joins two places of the network."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, size, stride, size // 2, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.norm(self.conv(x))
        return y


def lateral(inputs: int, outputs: int) -> Linear2d:
    """Another width at the same stride."""
    return Linear2d(inputs, outputs, 1, 1)


def down(inputs: int, outputs: int) -> Linear2d:
    """Another width at twice the stride."""
    return Linear2d(inputs, outputs, 3, 2)


def fused(weight: Tensor, norm: nn.BatchNorm2d, stride: int, padding: int) -> nn.Conv2d:
    """One convolution with bias that equals convolution and batch norm in evaluation mode."""
    assert norm.running_var is not None
    assert norm.running_mean is not None
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    outputs, inputs, size, _ = weight.shape
    conv = nn.Conv2d(inputs, outputs, size, stride, padding)
    conv.weight.data = (weight * scale[:, None, None, None]).detach().clone()
    conv.bias = nn.Parameter((norm.bias - norm.running_mean * scale).detach().clone())
    return conv

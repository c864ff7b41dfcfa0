"""A trained network as plain convolutions: what is exported and runs in use.

Batch norms and RepVGG paths are folded into one convolution each. The result equals the trained network
in evaluation mode up to rounding.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor, nn

from perception.model.blocks import Linear2d, Patchify, RepConv, fused
from perception.model.network import Network
from perception.tasks.signs.head import SignHead
from perception.types import Size


def fuse(module: nn.Module) -> nn.Module:
    """A copy of `module` in which every block is a plain convolution."""
    return _replaced(copy.deepcopy(module).eval())


def _replaced(module: nn.Module) -> nn.Module:
    plain = plain_block(module)
    if plain is not None:
        return plain
    for name, child in list(module.named_children()):
        setattr(module, name, _replaced(child))
    return module


def plain_block(module: nn.Module, norm: nn.BatchNorm2d | None = None) -> nn.Module | None:
    """One block as a convolution (and ReLU), with its own batch norm or another; None if it is no block."""
    match module:
        case RepConv():
            conv = fused(module.weight(), norm or module.norm, module.stride, 1)
            return nn.Sequential(conv, nn.ReLU())
        case Patchify():
            conv = fused(module.conv.weight, norm or module.norm, 4, 0)
            return nn.Sequential(conv, nn.ReLU())
        case Linear2d(conv=conv):
            return fused(conv.weight, module.norm, conv.stride[0], conv.kernel_size[0] // 2)
    return None


class FrameNetwork(nn.Module):
    """The part that sees whole frames: (b, 3, h, w) normalised to a tuple, in the order of `names`."""

    def __init__(self, network: Network, tasks: Sequence[str], names: Sequence[str]) -> None:
        super().__init__()
        self.network = fuse(network)
        self.tasks, self.names = tuple(tasks), tuple(names)

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        outputs = self.network(images, self.tasks)
        return tuple(outputs[name] for name in self.names)


class CropNetwork(nn.Module):
    """The part that reads sign crops: (n, 3, 64, 64) normalised to `signs.logits` (n, classes)."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        head = cast(SignHead, network.heads["signs"].eval())
        blocks = zip(network.trunk.encoder.front_blocks(), head.norms, strict=True)
        plain = [plain_block(block, cast(nn.BatchNorm2d, norm)) for block, norm in blocks]
        self.front = nn.Sequential(*[block for block in plain if block is not None])
        self.tower, self.classify = fuse(head.tower), fuse(head.classify)

    def forward(self, crops: Tensor) -> Tensor:
        logits: Tensor = self.classify(self.tower(self.front(crops)).flatten(1))
        return logits


def macs(network: Network, size: Size, tasks: Sequence[str]) -> int:
    """Multiply-accumulates of one frame for `tasks`, counted at the convolutions of the fused network."""
    module = FrameNetwork(network, tasks, ())
    total = 0

    def count(conv: nn.Module, _: object, output: Tensor) -> None:
        nonlocal total
        assert isinstance(conv, nn.Conv2d)
        total += output.numel() * conv.weight[0].numel()

    for conv in module.modules():
        if isinstance(conv, nn.Conv2d):
            conv.register_forward_hook(count)
    with torch.no_grad():
        module(torch.zeros(1, 3, size[1], size[0]))
    return total

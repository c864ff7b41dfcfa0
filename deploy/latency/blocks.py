"""Which blocks a network is made of: one pass of the smallest frame there is tells, in milliseconds."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from deploy.latency.graphs import Block
from perception.model.blocks import Linear2d, Patchify, RepConv
from perception.model.neck import Neck
from perception.model.network import Network
from perception.model.shape import Design, Shape

SIDE = 32  # of the smallest frame; other sides are multiples of it
Tasks = tuple[str, ...]


def network(design: Design, tasks: Tasks) -> Network:
    """Untrained: weights do not change the time."""
    return Network(tasks, design.sharing, shape=design.shape).eval()


def blocks(design: Design, tasks: Tasks) -> list[Block]:
    """The convolutions and sums that one frame passes; the same one as often as it is passed."""
    across, down = design.size[0] // SIDE, design.size[1] // SIDE
    return [
        block._replace(height=block.height * down, width=block.width * across)
        for block in _smallest(design.sharing, design.shape, tasks)
    ]


@cache
@torch.no_grad()
def _smallest(sharing: str, shape: Shape, tasks: Tasks) -> tuple[Block, ...]:
    found: list[Block] = []

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        _, channels, height, width = inputs[0].shape
        stride = height // output.shape[2]
        found.append(Block(_kind(module), channels, output.shape[1], stride, height, width))

    def note_neck(module: nn.Module, inputs: tuple[Any, ...], levels: list[Tensor]) -> None:
        for kind, level in (("join", levels[0]), ("add", levels[0]), ("join", levels[1])):
            _, channels, height, width = level.shape
            found.append(Block(kind, channels, channels, 1, height, width))

    whole = network(Design(sharing, shape, (SIDE, SIDE)), tasks)
    for module in _parts(whole):
        module.register_forward_hook(note)
    for module in whole.modules():
        if isinstance(module, Neck):
            module.register_forward_hook(note_neck)
    whole(torch.zeros(1, 3, SIDE, SIDE))
    return tuple(found)


def _parts(module: nn.Module) -> Iterator[nn.Module]:
    """Blocks, and convolutions that are part of none: those at the ends of heads."""
    if isinstance(module, RepConv | Patchify | Linear2d | nn.Conv2d):
        yield module
        return
    for child in module.children():
        yield from _parts(child)


def _kind(module: nn.Module) -> str:
    match module:
        case Patchify():
            return "stem"
        case RepConv():
            return "block"
        case Linear2d(conv=conv):
            return "down" if conv.stride[0] > 1 else "lateral"
    return "last"

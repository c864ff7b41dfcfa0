"""A network without some channels of its encoder: an ordinary network of smaller widths.

A block's channels are read by the next block, by the neck, and by what reads sign crops; all of them lose the
same ones. Blocks of a stage have one width, but each keeps channels of its own: as `weight` sums the paths
of a block into one kernel, no channel is tied to that of the same number in the next block.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import torch
from torch import Tensor, nn

from perception.errors import BundleError, DataError
from perception.model.blocks import Linear2d, Patchify, RepConv
from perception.model.network import Network
from perception.model.sharing.hard import HardSharing
from perception.tasks.signs.head import SignHead

STEM, STAGE = "trunk.encoder.stem", "trunk.encoder.stages.{}.{}"
CROPS, TOWER = "signs", "heads.signs.tower.0"  # its width is that of the encoder's second stage
Channels = Mapping[str, Tensor]  # block -> (n,) its channels that stay, ascending


def cut_blocks(network: Network) -> dict[str, tuple[int, RepConv | Patchify]]:
    """The blocks that may lose channels, by name: the stage that sets their width, and the block.

    Raises BundleError unless the tasks share one encoder and neck.
    """
    if not isinstance(network.trunk, HardSharing):
        raise BundleError(
            f"expected a network whose tasks share one encoder and neck (sharing=hard), got one of "
            f"{type(network.trunk).__name__}; train a smaller one: --set 'shape=...'"
        )
    encoder = network.trunk.encoder
    blocks: dict[str, tuple[int, RepConv | Patchify]] = {STEM: (0, encoder.stem)}
    for k, stage in enumerate(encoder.stages):
        for j, block in enumerate(cast(nn.ModuleList, stage)):
            blocks[STAGE.format(k, j)] = k, cast(RepConv, block)
    if CROPS in network.heads:
        blocks[TOWER] = 1, cast(RepConv, network.get_submodule(TOWER))
    return blocks


@torch.no_grad()
def pruned(network: Network, kept: Channels) -> Network:
    """A copy of `network` with those channels alone, in evaluation mode; a block that is not named keeps all.

    Raises BundleError as `cut_blocks`; DataError if blocks of one stage keep different numbers, or none.
    """
    blocks = cut_blocks(network)
    kept = {name: kept.get(name, torch.arange(_width(block))) for name, (_, block) in blocks.items()}
    shape = replace(network.trunk.shape, widths=_widths(network, kept))
    small = Network(tuple(network.heads), "hard", network.classes, shape)
    read, state = _readers(network), network.state_dict()
    modules = dict(network.named_modules())
    for name in {*kept, *read}:
        outputs, inputs = kept.get(name), kept.get(read.get(name, ""))
        state |= {f"{name}.{key}": value for key, value in _cut(modules[name], outputs, inputs).items()}
    small.load_state_dict(state)
    return small.to(memory_format=torch.channels_last).eval()


def _width(block: RepConv | Patchify) -> int:
    return block.conv.out_channels


def _widths(network: Network, kept: Channels) -> tuple[int, ...]:
    """Of the stages."""
    found: dict[int, set[int]] = {}
    for name, (stage, _) in cut_blocks(network).items():
        found.setdefault(stage, set()).add(len(kept[name]))
    for stage, widths in found.items():
        if len(widths) > 1 or 0 in widths:
            raise DataError(
                f"stage {stage}: expected blocks that keep the same number of channels, at least one, "
                f"got {', '.join(map(str, sorted(widths)))}"
            )
    return tuple(width for stage in sorted(found) for width in found[stage])


def _readers(network: Network) -> dict[str, str]:
    """What reads a block's channels -> that block."""
    encoder = network.trunk.encoder
    stages = [[STAGE.format(k, j) for j in range(len(stage))] for k, stage in enumerate(encoder.stages)]  # type: ignore[arg-type]
    chain = [STEM, *(name for stage in stages for name in stage)]
    read = dict(zip(chain[1:], chain, strict=False))
    read["trunk.neck.detail"] = stages[0][-1]
    read |= {f"trunk.neck.lateral.{k}": stage[-1] for k, stage in enumerate(stages[1:])}
    if CROPS in network.heads:
        read |= {TOWER: stages[1][-1], "heads.signs.tower.1": TOWER}
        norms = cast(SignHead, network.heads[CROPS]).norms
        read |= {f"heads.signs.norms.{k}": name for k, name in zip(range(len(norms)), chain, strict=False)}
    return read


def _cut(module: nn.Module, outputs: Tensor | None, inputs: Tensor | None) -> dict[str, Tensor]:
    """The weights of a module with some of its outputs and inputs, by name in it; None: all."""
    match module:
        case RepConv():
            kernel = _rows(module.weight(), outputs, inputs)
            paths = {"conv.weight": kernel, "point": torch.zeros_like(kernel[:, :, 0, 0])}
            if module.identity is not None:
                paths["identity"] = torch.zeros(len(kernel))
            return paths | _norm(module.norm, outputs)
        case Patchify() | Linear2d(conv=nn.Conv2d()):
            return {"conv.weight": _rows(module.conv.weight, outputs, inputs)} | _norm(module.norm, outputs)
    assert isinstance(module, nn.BatchNorm2d)  # of sign crops, behind a block of the encoder
    return {key.removeprefix("norm."): value for key, value in _norm(module, inputs).items()}


def _rows(kernel: Tensor, outputs: Tensor | None, inputs: Tensor | None) -> Tensor:
    kernel = kernel if outputs is None else kernel[outputs]
    return kernel if inputs is None else kernel[:, inputs]


def _norm(norm: nn.BatchNorm2d, channels: Tensor | None) -> dict[str, Tensor]:
    state = norm.state_dict()
    return {
        f"norm.{key}": value if channels is None or not value.ndim else value[channels]
        for key, value in state.items()
    }

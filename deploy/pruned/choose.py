"""Which channels stay: those with the highest scores of each block, by one of three rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from perception.errors import DataError
from perception.explain.parts.channels import importance, worth
from perception.model.fuse import plain_block
from perception.model.network import Network
from perception.model.pruned import Channels, cut_blocks
from perception.model.shape import STAGES
from perception.model.stored import Stored

MULTIPLE = 8  # of channels: integer kernels compute so many at a time
FINDS = 32  # pictures whose finds say what a channel is worth
CROPS = 4  # sign crops for each

Scores = dict[str, np.ndarray]  # block -> (channels,)


@dataclass(frozen=True, eq=False)
class Looked:
    """What a rule may look at."""

    folder: Path  # of the bundle
    stored: Stored
    network: Network  # the same, with batch norms
    images: np.ndarray  # (n, h, w, 3) uint8 BGR training pictures at the network's size
    crops: np.ndarray  # (n, 64, 64, 3) of signs
    seed: int


def by_importance(looked: Looked) -> Scores:
    """By the task that a channel is worth most to."""
    images, crops = looked.images[:FINDS], looked.crops[: CROPS * FINDS]
    found = importance(looked.folder, looked.stored, images, crops)
    return {block: worth(shares) for block, shares in found.items()}


def by_norm(looked: Looked) -> Scores:
    """By the L2 norm of a channel's kernel, batch norm folded in (Li et al. 2017 take the L1 norm)."""
    found = {}
    for name, (_, block) in cut_blocks(looked.network).items():
        conv = cast(nn.Conv2d, cast(nn.Sequential, plain_block(block))[0])
        found[name] = conv.weight.detach().flatten(1).norm(dim=1).numpy()
    return found


def by_chance(looked: Looked) -> Scores:
    rng = np.random.default_rng(looked.seed)
    return {
        name: rng.random(block.conv.out_channels) for name, (_, block) in cut_blocks(looked.network).items()
    }


BY: Mapping[str, Callable[[Looked], Scores]] = {
    "importance": by_importance,
    "norm": by_norm,
    "random": by_chance,
}


def shares_of(text: str) -> tuple[float, ...]:
    """The share of its channels that each stage keeps. Raises DataError.

    >>> shares_of("1,0.9,0.8,0.75")
    (1.0, 0.9, 0.8, 0.75)
    """
    try:
        shares = tuple(float(part) for part in text.split(","))
    except ValueError:
        shares = ()
    if len(shares) not in (1, STAGES) or not all(0 < share <= 1 for share in shares):
        raise DataError(
            f"--keep {text}: expected a share above 0 and up to 1, or {STAGES} of them, one for each stage "
            "of the encoder, separated by commas. Try --keep 0.85"
        )
    return shares * (STAGES // len(shares))


def widths_of(widths: Sequence[int], shares: Sequence[float]) -> tuple[int, ...]:
    """Channels that stay of each stage, in multiples of MULTIPLE.

    >>> widths_of((32, 64, 128, 144), (0.85,) * 4)
    (24, 56, 112, 120)
    """
    return tuple(
        width if share == 1 else min(width, max(MULTIPLE, MULTIPLE * round(width * share / MULTIPLE)))
        for width, share in zip(widths, shares, strict=True)
    )


def chosen(network: Network, scores: Mapping[str, np.ndarray], widths: Sequence[int]) -> Channels:
    """The channels of each block with the highest scores, as many as its stage keeps."""
    return {name: _best(scores[name], widths[stage]) for name, (stage, _) in cut_blocks(network).items()}


def _best(scores: np.ndarray, count: int) -> Tensor:
    best = np.argsort(-scores, kind="stable")[:count]
    return torch.from_numpy(np.sort(best))

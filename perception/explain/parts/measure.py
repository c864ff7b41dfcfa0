"""Importance of groups of channels for each task, foretold and measured.

Foretold: gradient x activation, summed over a group's channels and places, as the mean over points of the way
on which the group fades to zero (integrated gradients, Sundararajan et al. 2017). The start of the way alone
gives the first-order change (Molchanov et al. 2017), which foretells little: the network is far from linear.
Half of a block's groups fade at a time, so that the price does not grow with the number of groups. Measured:
the group is set to zero and each find's score is looked at again. No labels are needed: the damage is what is
lost of the things that the whole network finds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple, cast

import numpy as np
import torch
from torch import Tensor, nn

from perception.explain.sanity import spearman
from perception.explain.targets import Outputs, Target
from perception.model.fuse import FrameNetwork

GROUPS = 4  # of the channels of each block
HALVES = 2  # of the groups of a block; one fades, the other stays
WAY = (0.75, 0.25)  # shares that are left of a fading group, where the gradient is taken: the midpoint rule


class Part(NamedTuple):
    """Some channels of the output of a block."""

    block: str  # name of the module
    first: int
    end: int


@dataclass(frozen=True, eq=False)
class MapTarget:
    """A whole map: how far its cells still say what they said, as the mean probability of that."""

    output: str
    said: Tensor  # +1 and -1, in the shape of the output

    def score(self, outputs: Outputs) -> Tensor:
        return (outputs[self.output] * self.said).sigmoid().mean()

    def evidence(self, outputs: Outputs) -> Tensor:
        return torch.nn.functional.logsigmoid(outputs[self.output] * self.said).mean()


def blocks_of(network: FrameNetwork) -> dict[str, nn.Module]:
    """The blocks of the trunk that end in a ReLU: name -> module."""
    trunk = cast(nn.Module, network.network.trunk)
    return {name: module for name, module in trunk.named_modules() if isinstance(module, nn.Sequential)}


def parts_of(widths: Mapping[str, int], groups: int = GROUPS) -> list[Part]:
    """`widths`: block -> channels."""
    return [
        Part(block, width * k // groups, width * (k + 1) // groups)
        for block, width in widths.items()
        for k in range(min(groups, width))
    ]


@dataclass(frozen=True, eq=False)
class Importance:
    """Of each part (row) for each task (column); summed over pictures, see `Tally`."""

    parts: tuple[Part, ...]
    tasks: tuple[str, ...]
    foretold: np.ndarray  # (parts, tasks): mean over finds of the score that gradients say is lost
    measured: np.ndarray  # (parts, tasks): mean over finds of the score that is lost, below zero: won
    changed: np.ndarray  # (parts, tasks): mean over finds of the change of score, either way
    finds: tuple[int, ...]  # of each task

    def agreement(self) -> dict[str, float]:
        """Task -> Spearman's correlation of what is foretold with what is lost."""
        return self._agreement(self.measured)

    def agreement_on_change(self) -> dict[str, float]:
        """Likewise with the change either way."""
        return self._agreement(self.changed)

    def _agreement(self, shown: np.ndarray) -> dict[str, float]:
        return {task: spearman(self.foretold[:, k], shown[:, k]) for k, task in enumerate(self.tasks)}

    def shared(self) -> np.ndarray:
        """(parts, tasks): the damage as a share of that of the part which matters most to the task."""
        lost = np.maximum(self.measured, 0)
        most: np.ndarray = lost.max(0, keepdims=True)
        return lost / np.maximum(most, 1e-9)


class Tally:
    """Adds up over pictures."""

    def __init__(self, network: FrameNetwork, tasks: Sequence[str], groups: int = GROUPS) -> None:
        self.network, self.tasks = network, tuple(tasks)
        self.blocks = blocks_of(network)
        widths = {name: cast(nn.Conv2d, block[0]).out_channels for name, block in self.blocks.items()}  # type: ignore[index]
        self.parts = parts_of(widths, groups)
        self._foretold = np.zeros((len(self.parts), len(self.tasks)))
        self._measured, self._changed = np.zeros_like(self._foretold), np.zeros_like(self._foretold)
        self._finds = np.zeros(len(self.tasks), int)

    def add(self, images: Tensor, targets: Mapping[str, Sequence[Target]]) -> None:
        """One picture (1, 3, h, w), normalised, and task -> what was found in it."""
        with torch.no_grad():
            whole = _scores(self._whole(images), targets)
        self._foretell(images, targets)
        for row, part in enumerate(self.parts):
            with torch.no_grad():
                left = _scores(self._without(part, images), targets)
            for task, scores in whole.items():
                lost = scores - left[task]
                self._measured[row, self.tasks.index(task)] += lost.sum()
                self._changed[row, self.tasks.index(task)] += np.abs(lost).sum()
        self._finds += [len(targets.get(task, ())) for task in self.tasks]

    def result(self) -> Importance:
        counts = np.maximum(self._finds, 1)
        return Importance(
            tuple(self.parts),
            self.tasks,
            self._foretold / counts,
            self._measured / counts,
            self._changed / counts,
            tuple(self._finds.tolist()),
        )

    def _foretell(self, images: Tensor, targets: Mapping[str, Sequence[Target]]) -> None:
        for name in self.blocks:
            rows = [row for row, part in enumerate(self.parts) if part.block == name]
            for half, share in product(range(HALVES), WAY):
                fading = rows[half::HALVES]
                for task, lost in self._slopes(images, targets, name, fading, share):
                    told = [float(lost[self.parts[row].first : self.parts[row].end].sum()) for row in fading]
                    self._foretold[fading, self.tasks.index(task)] += np.array(told) / len(WAY)

    def _slopes(
        self,
        images: Tensor,
        targets: Mapping[str, Sequence[Target]],
        block: str,
        fading: Sequence[int],
        share: float,
    ) -> Iterator[tuple[str, Tensor]]:
        """Task -> (channels,): what its finds' scores lose a unit of the way, where `share` is left."""
        seen: list[tuple[Tensor, Tensor]] = []  # the block's output, and what was made of it

        def fade(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
            left = output.detach().clone()
            for row in fading:
                left[:, self.parts[row].first : self.parts[row].end] *= share
            seen.append((output, left.requires_grad_()))
            return left

        outputs = self._hooked(block, fade, images)
        output, left = seen[0]
        for task, own in targets.items():
            scores = [target.score(outputs) for target in own]
            if scores and (total := torch.stack(scores).sum()).requires_grad:
                (slope,) = torch.autograd.grad(total, left, retain_graph=True, allow_unused=True)
                if slope is not None:
                    yield task, (slope * output).sum((0, 2, 3))

    def _whole(self, images: Tensor) -> Outputs:
        outputs: Outputs = self.network.network(images, self.tasks)
        return outputs

    def _without(self, part: Part, images: Tensor) -> Outputs:
        def hide(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
            output[:, part.first : part.end] = 0
            return output

        return self._hooked(part.block, hide, images)

    def _hooked(
        self, block: str, hook: Callable[[nn.Module, object, Tensor], Tensor], images: Tensor
    ) -> Outputs:
        handle = self.blocks[block].register_forward_hook(hook)
        try:
            return self._whole(images)
        finally:
            handle.remove()


def _scores(outputs: Outputs, targets: Mapping[str, Sequence[Target]]) -> dict[str, np.ndarray]:
    return {task: np.array([float(target.score(outputs)) for target in own]) for task, own in targets.items()}

"""Importance of each channel of the shared encoder for each task, as gradients foretell it: to prune by.

Knocking out each channel would show more, but takes a pass through the network for every channel and picture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from perception.explain.explainer import tensor_of
from perception.explain.parts.command import targets_of
from perception.explain.parts.measure import blocks_of
from perception.explain.targets import Outputs, SignTarget, Target
from perception.letterbox import Letterbox
from perception.load import load
from perception.model.fuse import CropNetwork
from perception.model.pruned import STAGE, STEM, TOWER
from perception.model.specs import CROPS
from perception.model.stored import Stored
from perception.types import Frame

Found = tuple[str, Mapping[str, np.ndarray]]  # of a find: its task, and block -> (channels,) squares


def importance(
    folder: Path, networks: Stored, images: np.ndarray, crops: np.ndarray
) -> dict[str, dict[str, np.ndarray]]:
    """Block, by its name in a `Network` -> task -> (channels,): the share of the block's evidence.

    Evidence is the norm of gradient x activation over all places, the mean over finds; the shares of a task
    add up to one in each block, so that tasks of different scales can be compared. Args: images (n, h, w, 3)
    uint8 BGR at the network's size, crops (n, 64, 64, 3) of signs.
    """
    sums: dict[str, dict[str, np.ndarray]] = {}
    for task, squares in (*_of_frames(folder, networks, images), *_of_crops(networks, crops)):
        for block, own in squares.items():
            tasks = sums.setdefault(block, {})
            tasks[task] = tasks.get(task, 0) + np.sqrt(own)
    return {
        block: {task: own / own.sum() for task, own in tasks.items() if own.any()}
        for block, tasks in sums.items()
    }


def worth(shares: Mapping[str, np.ndarray]) -> np.ndarray:
    """(channels,): what a block's channel is worth to the task that it is worth most to.

    A mean over tasks would give up what one task alone lives on.
    """
    most: np.ndarray = np.maximum.reduce(list(shares.values()))
    return most


def energies(
    forward: Callable[[], Outputs], blocks: Mapping[str, nn.Module], targets: Mapping[str, Sequence[Target]]
) -> Iterator[tuple[str, dict[str, np.ndarray]]]:
    """Of each find its task, and block -> (channels,) the squares of gradient x activation over all places.

    `forward()` runs the network on what was seen. A block that the find does not rest on is left out.
    """
    kept: dict[str, Tensor] = {}

    def keep(name: str, output: Tensor) -> Tensor:
        kept[name] = output if output.requires_grad else output.requires_grad_()
        return kept[name]

    hooks = [
        block.register_forward_hook(lambda m, i, output, name=name: keep(name, output))
        for name, block in blocks.items()
    ]
    outputs = forward()
    for hook in hooks:
        hook.remove()
    for task, own in targets.items():
        for target in own:
            gradients = torch.autograd.grad(
                target.evidence(outputs), list(kept.values()), retain_graph=True, allow_unused=True
            )
            yield (
                task,
                {
                    name: (gradient * kept[name].detach()).square().sum((0, 2, 3)).numpy()
                    for name, gradient in zip(kept, gradients, strict=True)
                    if gradient is not None
                },
            )


def _of_frames(folder: Path, networks: Stored, images: np.ndarray) -> Iterator[Found]:
    frames = networks.frames
    blocks = {f"trunk.{name}": block for name, block in blocks_of(frames).items() if "encoder." in name}
    with closing(load(folder, "cpu", frames.tasks, "fp32", runtime="onnxruntime")) as pipeline:
        for image in images:
            frame, seen = Frame(image, 0, 0), tensor_of(image)
            targets = targets_of(networks, pipeline, frame, Letterbox.fit(frame.size, frame.size), seen)
            yield from energies(lambda seen=seen: frames.network(seen, frames.tasks), blocks, targets)  # type: ignore[misc]


def _of_crops(networks: Stored, crops: np.ndarray) -> Iterator[Found]:
    """What a sign is read as rests on the encoder's first stages, too."""
    reader = networks.crops
    if reader is None:
        return
    blocks = _blocks_of(networks, reader)
    for crop in crops:
        seen = tensor_of(crop)
        said = SignTarget(int(reader(seen)[0].argmax()))
        yield from energies(lambda seen=seen: _read(reader, seen), blocks, {CROPS: [said]})  # type: ignore[misc]


def _read(reader: CropNetwork, crops: Tensor) -> Outputs:
    return {"signs.logits": reader(crops)}


def _blocks_of(networks: Stored, reader: CropNetwork) -> dict[str, nn.Module]:
    depths: Sequence[int] = networks.frames.network.trunk.shape.depths  # type: ignore[union-attr,assignment]
    names = [STEM, *(STAGE.format(k, j) for k in range(2) for j in range(depths[k]))]
    return {**dict(zip(names, reader.front, strict=True)), TOWER: reader.tower.get_submodule("0")}

"""A shipped bundle back to a network that can be trained: `fuse` undone.

The plain convolutions of the float files become each block's kernel. A batch norm then has to give back what
it finds, in training too, where it divides by the statistics of the batch; so it takes the mean and the
deviation that its inputs have on some pictures as its own bias and weight.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from perception import bundle
from perception.errors import BundleError
from perception.model.blocks import Linear2d, Patchify, RepConv
from perception.model.network import Network, normalise
from perception.tasks.signs.head import SignHead

LAST = {"detection": "heads.detection.scores.", "signs": "heads.signs.classify."}  # layers of a row a class
HALF = ".half"  # behind the name of a weight that is stored as float16
Weights = Mapping[str, Tensor]  # of plain convolutions, by name in the file
OWN = re.compile(r"^trunk\.(neck|encoder)s\.\w+\.")  # a part that a task has for itself
Plan = dict[nn.Module, tuple[Tensor, Tensor]]  # batch norm -> the scale and bias that its block shall have


@torch.no_grad()
def load_pretrained(network: Network, folder: Path, images: Tensor, crops: Tensor) -> None:
    """Give `network` the weights of a bundle. Heads that the bundle lacks keep their own.

    Where a task has a neck or encoder of its own and the bundle one for all, each starts as a copy of that.

    Args: images (b, 3, h, w) and crops (n, 3, 64, 64) uint8 BGR to take the statistics from.
    Raises BundleError if the bundle is of another network.
    """
    spec = bundle.read(folder)
    files, classes = spec.files["fp32"], {name: task.classes for name, task in spec.tasks.items()}
    frame = weights(folder / files["main"])
    frame |= _of_classes(frame, network, classes)
    plan: Plan = {}
    ours = (name for name in frame if name.startswith("network.trunk.") and name.endswith(".weight"))
    left = {name.removesuffix(".weight") for name in ours}
    for name, module in network.named_modules():
        stored = _place(name, module, frame)
        if f"{stored}.weight" in frame:
            _load(module, frame, stored, plan)
            left.discard(stored)
        elif _is_block(module) and _has_part(name, frame):
            raise BundleError(
                f"{folder}: expected a network of the same shape, got one without {name}; "
                "train with the `shape` of the bundle"
            )
    if left:
        raise BundleError(
            f"{folder}: expected a network shared in the same way, got one with {min(left)}; "
            "train with the `sharing` and the `shape` of the bundle"
        )
    if "signs" in network.heads and "signs" in files:
        crop = weights(folder / files["signs"])
        _load_signs(network, frame, crop | _of_classes(crop, network, classes), plan)
    _take_statistics(network, plan, images, crops)


def by_class(
    network: Network, state: Mapping[str, Tensor], classes: Mapping[str, Sequence[str]]
) -> dict[str, Tensor]:
    """Weights of a network with other `classes` (task -> names), fitted to `network`.

    Classes that both have by name keep theirs; those that are new keep what `network` has.
    """
    ours = network.state_dict()
    found = dict(state)
    for name, value in state.items():
        task = next((t for t, part in LAST.items() if name.startswith(part)), "")
        if task in network.heads and task in classes and name in ours:
            found[name] = _rows(ours[name].clone(), value, network.classes[task], classes[task])
    return found


def _rows(ours: Tensor, theirs: Tensor, names: Sequence[str], before: Sequence[str]) -> Tensor:
    """`ours` (classes, ...) with the rows of classes that were there `before`."""
    if tuple(names) == tuple(before):
        return theirs
    for row, name in enumerate(names):
        if name in before:
            ours[row] = theirs[before.index(name)]
    return ours


def _of_classes(stored: Weights, network: Network, classes: Mapping[str, Sequence[str]]) -> dict[str, Tensor]:
    """The same of a file's last layers, by name in the file."""
    parts = {f"network.{part}": part for part in LAST.values()} | {"classify.": LAST["signs"]}
    names = {
        name: part + name.removeprefix(begin)
        for name in stored
        for begin, part in parts.items()
        if name.startswith(begin)
    }
    fitted = by_class(network, {ours: stored[name] for name, ours in names.items()}, classes)
    return {name: fitted[ours] for name, ours in names.items()}


def weights(path: Path) -> dict[str, Tensor]:
    """The float weights of an exported network by name, float32 where they are stored as float16."""
    stored = {i.name: np.array(numpy_helper.to_array(i)) for i in onnx.load(str(path)).graph.initializer}
    return {
        name.removesuffix(HALF): torch.from_numpy(value.astype(np.float32) if HALF in name else value)
        for name, value in stored.items()
    }


def _place(name: str, module: nn.Module, frame: Weights) -> str:
    """Where the file of the main network has a module, or would have it."""
    own, shared = (f"network.{_stored(n, module)}" for n in (name, common(name)))
    return own if f"{own}.weight" in frame else shared


def common(name: str) -> str:
    """Where a network that shares a task's own part has it.

    >>> common("trunk.necks.lanes.fuse.0")
    'trunk.neck.fuse.0'
    """
    return OWN.sub(r"trunk.\1.", name)


def _has_part(name: str, frame: Weights) -> bool:
    """Does a file have the part of the trunk that this is in: its encoder, its neck?"""
    parts = {".".join(place.split(".")[:2]) for place in (name, common(name)) if name.startswith("trunk.")}
    return any(key.startswith(f"network.{part}.") for part in parts for key in frame)


def _is_block(module: nn.Module) -> bool:
    return isinstance(module, RepConv | Patchify | Linear2d)


def _stored(name: str, module: nn.Module) -> str:
    """Where `fuse` leaves the convolution of a block: blocks with a ReLU become a pair."""
    return f"{name}.0" if isinstance(module, RepConv | Patchify) else name


def _load(module: nn.Module, weights: Weights, name: str, plan: Plan) -> None:
    weight, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
    match module:
        case RepConv():
            _copy(module.conv.weight, weight, name)
            module.point.zero_()
            if module.identity is not None:
                module.identity.zero_()
            plan[module.norm] = torch.ones(len(bias)), bias
        case Patchify() | Linear2d():
            _copy(module.conv.weight, weight, name)
            plan[module.norm] = torch.ones(len(bias)), bias
        case nn.Conv2d() | nn.Linear():
            assert module.bias is not None
            _copy(module.weight, weight, name)
            _copy(module.bias, bias, name)


def _copy(parameter: Tensor, value: Tensor, name: str) -> None:
    if parameter.shape != value.shape:
        raise BundleError(
            f"{name}: expected weights {tuple(parameter.shape)}, got {tuple(value.shape)}; "
            "train with the `shape` of the bundle"
        )
    parameter.copy_(value)


def _load_signs(network: Network, frame: Weights, crop: Weights, plan: Plan) -> None:
    """The sign head, and its own norms over the shared first stages: per channel a scale and a bias."""
    head = cast(SignHead, network.heads["signs"])
    for name, module in head.named_modules():
        if f"{_stored(name, module)}.weight" in crop:
            _load(module, crop, _stored(name, module), plan)
    names = {module: name for name, module in network.named_modules()}
    for k, (block, norm) in enumerate(zip(network.trunk.encoder.front_blocks(), head.norms, strict=True)):
        shared = frame[f"{_place(names[block], block, frame)}.weight"].flatten(1)
        own = crop[f"front.{k}.0.weight"].flatten(1)
        scale = (own * shared).sum(1) / shared.square().sum(1).clamp(min=1e-12)
        plan[norm] = scale, crop[f"front.{k}.0.bias"]


def _take_statistics(network: Network, plan: Plan, images: Tensor, crops: Tensor) -> None:
    """Run the pictures through; each norm is set when its input arrives, so the next sees the right one."""

    def adopt(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        x = inputs[0].float()
        scale, bias = (value.to(x.device) for value in plan[norm])
        variance, mean = torch.var_mean(x, (0, 2, 3), correction=0)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)
        norm.weight.copy_(scale * (variance + norm.eps).sqrt())
        norm.bias.copy_(bias + scale * mean)

    hooks = [norm.register_forward_pre_hook(adopt) for norm in plan]
    network.eval()
    network(normalise(images))
    if "signs" in network.heads and len(crops):
        network.crops(normalise(crops))
    network.train()
    for hook in hooks:
        hook.remove()

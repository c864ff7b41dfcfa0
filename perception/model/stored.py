"""The float networks of a bundle, as plain convolutions whose gradients can be taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from torch import Tensor, nn

from perception import bundle
from perception.bundle import MAIN, ModelSpec
from perception.errors import BundleError
from perception.model.fuse import CropNetwork, FrameNetwork
from perception.model.network import Network
from perception.model.pretrained import weights
from perception.model.shape import DEEPEST, DEFAULT, STAGES, Shape
from perception.model.sharing import SHARING
from perception.model.specs import CROPS, FRAME_TASKS

FLOAT = "fp32"  # the precision that holds them
BLOCK, LATERAL = "network.trunk.encoder.stages.{}.{}.0.weight", "network.trunk.neck.lateral.0.weight"


@dataclass(frozen=True)
class Stored:
    """What a bundle's float files compute, with weights that stand still."""

    frames: FrameNetwork  # `frames.network(images, tasks)`: outputs by name
    crops: CropNetwork | None  # None: the bundle reads no signs
    sharing: str


def stored(folder: Path) -> Stored:
    """Read them; how the tasks share is told by the names. Added tasks are left out.

    Raises BundleError if there are no float files, or they are of a network that is not ours.
    """
    spec, files = bundle.read(folder), _files(folder)
    kept = weights(folder / files[MAIN])
    ours = any(name.startswith("network.trunk.") for name in kept)
    for sharing in SHARING if ours else ():
        whole = _network(spec, sharing, CROPS in files, shape_of(kept))
        frames = FrameNetwork(whole, [task for task in whole.heads if task in FRAME_TASKS], ())
        crops = CropNetwork(whole) if CROPS in files else None
        if _filled(frames, kept) and (crops is None or _filled(crops, weights(folder / files[CROPS]))):
            return Stored(frames, crops, sharing)
    raise BundleError(
        f"{folder}: expected a network of this project, got one with {min(kept)}; "
        "gradients are taken of bundles that `perception export` writes"
    )


def _files(folder: Path) -> Mapping[str, str]:
    files = bundle.read(folder).files
    if FLOAT not in files:
        raise BundleError(
            f"{folder}: expected {FLOAT} files, whose gradients can be taken, got {', '.join(files)}. "
            "Export the bundle again"
        )
    return files[FLOAT]


def shape_in(folder: Path) -> Shape:
    """The shape of a bundle's network. Raises BundleError if it has no float files."""
    return shape_of(weights(folder / _files(folder)[MAIN]))


def shape_of(kept: Mapping[str, Tensor]) -> Shape:
    """The shape of the network whose float weights these are; if its tasks share otherwise, the default."""
    stages = [
        list(takewhile(lambda name: name in kept, (BLOCK.format(k, j) for j in range(DEEPEST))))
        for k in range(STAGES)
    ]
    if LATERAL not in kept or not all(stages):
        return DEFAULT
    widths = tuple(len(kept[stage[0]]) for stage in stages)
    return Shape(widths, tuple(map(len, stages)), len(kept[LATERAL]))


def _network(spec: ModelSpec, sharing: str, signs: bool, shape: Shape) -> Network:
    ours = [name for name, task in spec.tasks.items() if not task.kind]
    tasks = [name for name in ours if name in FRAME_TASKS or signs]
    return Network(tasks, sharing, {name: spec.tasks[name].classes for name in tasks}, shape)


def _filled(module: nn.Module, kept: Mapping[str, Tensor]) -> bool:
    """Whether `kept` holds all its weights, and of the trunk no others; then it has them.

    What the network over frames has for sign crops alone is not in the file.
    """
    shapes = {name: value.shape for name, value in module.named_parameters() if ".signs." not in name}
    own = {name: value for name, value in kept.items() if name in shapes}
    more = {name for name in kept if name.startswith("network.trunk.")} - set(shapes)
    if more or {name: value.shape for name, value in own.items()} != shapes:
        return False
    module.load_state_dict(own, strict=False)
    module.eval().requires_grad_(False)
    return True

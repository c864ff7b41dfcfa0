"""The network of a bundle, ready to be adapted, with the statistics of frames of the old kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from perception.bundle import MAIN, ModelSpec
from perception.errors import BundleError
from perception.labels.vocabulary import Vocabulary
from perception.model.network import Network
from perception.model.pretrained import load_pretrained, weights
from perception.model.specs import FRAME_TASKS
from perception.model.stored import FLOAT, shape_of

NO_CROPS = torch.zeros(0, 3, 64, 64, dtype=torch.uint8)


def network_of(folder: Path, spec: ModelSpec, images: np.ndarray) -> Network:
    """The part of a bundle that sees frames; its batch norms hold the statistics of `images`.

    Args: images (n, h, w, 3) uint8 BGR of the old kind, at the network's size. In evaluation mode it is
    the bundle's network. Raises BundleError for one with added tasks, or whose tasks share otherwise.
    """
    check(spec, folder)
    tasks = [task for task in FRAME_TASKS if task in spec.tasks]
    shape = shape_of(weights(folder / spec.files[FLOAT][MAIN]))
    network = Network(tasks, "hard", Vocabulary.of_bundle(spec).by_task, shape)
    try:
        load_pretrained(network, folder, planes(images), NO_CROPS)
    except BundleError as error:
        raise BundleError(
            f"{folder}: expected a bundle whose tasks share one encoder and neck (sharing=hard), got another "
            f"network: {error.seen}. Train it on the frames instead: perception train --set init={folder}"
        ) from error
    return network.to(memory_format=torch.channels_last).eval()


def check(spec: ModelSpec, folder: Path) -> None:
    """Raises BundleError for a bundle that cannot be adapted, before anything is computed."""
    if added := [name for name, task in spec.tasks.items() if task.kind]:
        raise BundleError(
            f"{folder}: expected a bundle without added tasks, got {', '.join(added)}, whose head reads "
            f"features that would change; take it out, and add it again: perception remove-task {added[0]}"
        )
    if "fp32" not in spec.files:
        raise BundleError(
            f"{folder}: expected a bundle with fp32 files, got {', '.join(spec.files)} only. Export it again"
        )
    if not any(task in spec.tasks for task in FRAME_TASKS):
        raise BundleError(f"{folder}: expected a bundle of {', '.join(FRAME_TASKS)}, got none of them")


def planes(images: np.ndarray) -> Tensor:
    """(n, h, w, 3) to (n, 3, h, w)."""
    return torch.from_numpy(images).permute(0, 3, 1, 2)

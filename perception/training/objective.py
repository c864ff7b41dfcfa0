"""What a step minimises: each present task's loss; which parts of the network it may change."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from perception.errors import DataError
from perception.model.network import Network, normalise
from perception.tasks.batch import Batch
from perception.tasks.heads import CROP_READERS
from perception.tasks.losses import LOSSES
from perception.training.precision import reduced


def losses(
    network: Network, batch: Batch, exact: bool = False, tasks: Collection[str] | None = None
) -> dict[str, Tensor]:
    """Each present task's loss by name. A task without truth in this batch is absent, not zero.

    `exact`: in float32 and never in bfloat16, whose own rounding is as coarse as that of INT8.
    `tasks`: of these alone; what the others need is not computed.
    """
    wanted = [task for task in network.heads if tasks is None or task in tasks]
    frames = [task for task in wanted if task not in CROP_READERS]
    outputs: dict[str, Tensor] = {}
    with reduced(batch.images.device.type, not exact):
        if frames:
            outputs |= network(normalise(batch.images), frames)
        if "signs" in wanted and len(batch.crops):
            outputs |= network.crops(normalise(batch.crops))
    answers = {task: LOSSES[task](outputs, batch) for task in wanted}
    return {task: loss for task, loss in answers.items() if loss is not None}


def freeze(network: Network, parts: Collection[str]) -> None:
    """Let the parts whose names begin so stand still, batch norms too, and all others learn."""
    network.train()
    for name, module in network.named_modules():
        if any(f"{name}.".startswith(f"{part}.") for part in parts):
            module.eval()
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(not any(name.startswith(f"{part}.") for part in parts))


def check_parts(network: Network, parts: Collection[str]) -> None:
    """Raises DataError for parts that the network has not."""
    names = dict(network.named_modules())
    for part in parts:
        if part not in names:
            known = ["trunk", *(f"heads.{task}" for task in network.heads)]
            raise DataError(f"frozen: expected {', '.join(known)} or a part of these, got {part!r}")


def check_alive(network: Network, found: Mapping[str, Tensor]) -> None:
    """Raises DataError if a loss does not reach the trunk: it would teach nothing that is shared."""
    trunk = [p for p in network.trunk.parameters() if p.requires_grad]
    for task, loss in found.items():
        gradients = torch.autograd.grad(loss, trunk, retain_graph=True, allow_unused=True) if trunk else ()
        if trunk and not any(g is not None and g.any() for g in gradients):
            raise DataError(
                f"expected every loss to teach the shared weights, but that of {task} has no gradient there; "
                "its terms may be constant or rounded: look at its loss.py"
            )

"""Where tasks pull against each other: cosines between their gradients, part by part of the trunk."""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor, nn

from perception.model.network import Network
from perception.tasks.batch import Batch
from perception.training.objective import losses

WHOLE = "trunk"
STEP = 2e-4  # length of a step that is tried, in lengths of the weights
Cosines = dict[str, dict[str, float]]  # part -> "a|b" -> cosine of the gradients of tasks a and b


def parts(network: Network) -> dict[str, list[Tensor]]:
    """The trunk's parameters by part: stem, stages and the rest by its first name; and all of them."""
    found: dict[str, list[Tensor]] = {WHOLE: []}
    for name, parameter in network.trunk.named_parameters():
        head, *rest = name.split(".")
        part = ".".join([head, *rest[: 2 if rest[0] == "stages" else 1]]) if head == "encoder" else head
        found.setdefault(part, []).append(parameter)
        found[WHOLE].append(parameter)
    return found


def conflicts(network: Network, batch: Batch) -> Cosines:
    """The cosines on one batch, of tasks that are present and parts that both reach.

    The network's gradients and batch norms stay as they are.
    """
    statistics = {name: value.clone() for name, value in network.named_buffers()}
    found = losses(network, batch, exact=True)
    groups = parts(network)
    wanted = groups[WHOLE]
    rows = {
        task: torch.autograd.grad(loss, wanted, retain_graph=True, allow_unused=True)
        for task, loss in found.items()
    }
    network.load_state_dict(statistics, strict=False)
    place = {id(parameter): k for k, parameter in enumerate(wanted)}
    return {
        part: {
            f"{a}|{b}": cosine
            for a, b in combinations(rows, 2)
            if (cosine := _cosine([rows[a][place[id(p)]] for p in own], [rows[b][place[id(p)]] for p in own]))
            is not None
        }
        for part, own in groups.items()
    }


def affinity(network: Network, batch: Batch, step: float = STEP) -> dict[str, float]:
    """ "a>b": how much of task b's loss a step for task a on the trunk takes away (TAG, Fifty et al. 2021).

    1 - L_b(after) / L_b(before), the step being plain gradient descent with the gradient brought to the
    length of the weights times `step`. The network stays as it is. Of detection, whose targets follow its own
    predictions, the loss may rise along its gradient.
    """
    statistics = {name: value.clone() for name, value in network.named_buffers()}
    dropouts = [module for module in network.modules() if isinstance(module, nn.Dropout)]
    for dropout in dropouts:  # chance would hide what a small step does
        dropout.eval()
    before = losses(network, batch, exact=True)
    trunk = [p for p in network.trunk.parameters() if p.requires_grad]
    kept = [p.detach().clone() for p in trunk]
    size = torch.stack([p.norm() for p in kept]).norm()
    gradients = {
        task: torch.autograd.grad(loss, trunk, retain_graph=True, allow_unused=True)
        for task, loss in before.items()
    }
    found: dict[str, float] = {}
    with torch.no_grad():
        for task, gradient in gradients.items():
            length = torch.stack([g.norm() for g in gradient if g is not None]).norm()
            for p, old, g in zip(trunk, kept, gradient, strict=True):
                p.copy_(old if g is None else old - step * size / length.clamp(min=1e-12) * g)
            after = losses(network, batch, exact=True)
            found |= {
                f"{task}>{t}": 1 - x.item() / was
                for t, x in after.items()
                if (was := before[t].item())  # a loss of 0 cannot fall by a share of it
            }
        for p, old in zip(trunk, kept, strict=True):
            p.copy_(old)
    for dropout in dropouts:
        dropout.train(network.training)
    network.load_state_dict(statistics, strict=False)
    return found


def _cosine(a: list[Tensor | None], b: list[Tensor | None]) -> float | None:
    """Over the parameters that both reach; None if there are none."""
    pairs = [(x.flatten(), y.flatten()) for x, y in zip(a, b, strict=True) if x is not None and y is not None]
    if not pairs:
        return None
    left, right = (torch.cat(side).double() for side in zip(*pairs, strict=True))
    scale = left.norm() * right.norm()
    return float(left @ right / scale) if scale > 0 else None

"""One backward pass for several losses, weighed by a balancing method.

A method that looks at gradients has them compared in one of two places. At the features that all heads read,
each task costs its head's backward pass and the trunk's is run once. Over all parameters that two tasks or
more reach, each costs a whole backward pass. What only one task reaches gets that task's own gradient.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from perception.errors import DataError
from perception.model.network import Network
from perception.training.balance.method import Method, Weights

PLACES = ("features", "parameters")
Gradients = tuple[Tensor | None, ...]


class Cut:
    """The trunk's features, cut off from the trunk: leaves in which the heads' gradients end."""

    def __init__(self) -> None:
        self.features: list[Tensor] = []
        self.leaves: list[Tensor] = []

    def __call__(
        self, trunk: nn.Module, inputs: object, views: Mapping[str, Sequence[Tensor]]
    ) -> dict[str, list[Tensor]]:
        if len({id(view) for view in views.values()}) > 1:
            raise DataError(
                "balance_at=features: expected a network whose tasks read the same features (sharing=hard); "
                "set balance_at=parameters"
            )
        self.features = list(next(iter(views.values())))
        self.leaves = [x.detach().requires_grad_() for x in self.features]
        return dict.fromkeys(views, self.leaves)


@contextmanager
def cut_off(network: Network) -> Iterator[Cut]:
    """Within, a forward pass of `network` ends in leaves and begins there again."""
    cut = Cut()
    hook = network.trunk.register_forward_hook(cut)
    try:
        yield cut
    finally:
        hook.remove()


def backward(
    network: Network, losses: Mapping[str, Tensor], method: Method, cut: Cut | None = None
) -> tuple[Weights, np.ndarray]:
    """Put the gradient of the balanced losses into the parameters; the weights, and the Gramian (t, t).

    `losses` of the tasks present; `cut` if they were computed under `cut_off`. A task whose head and trunk
    stand still takes no part and has no weight.
    """
    losses = {task: loss for task, loss in losses.items() if loss.requires_grad}
    if not losses:
        return {}, np.zeros((0, 0))
    values = {task: float(loss.detach()) for task, loss in losses.items()}
    if not method.needs_gramian:
        blind = np.zeros((len(losses), len(losses)))
        weights = method.weights(values, blind)
        torch.autograd.backward(torch.stack([weights[task] * loss for task, loss in losses.items()]).sum())
        return weights, blind
    leaves = [] if cut is None else cut.leaves
    targets = [*leaves, *(p for p in network.trunk.parameters() if p.requires_grad)]
    found = {task: _gradients(loss, targets, network.heads[task]) for task, loss in losses.items()}
    reached = [sum(at[i] is not None for at, _ in found.values()) for i in range(len(targets))]
    common = [i < len(leaves) if leaves else count > 1 for i, count in enumerate(reached)]
    rows = {task: _flat(at, common, targets) for task, (at, _) in found.items()}
    matrix = torch.stack(list(rows.values()))
    gramian = (matrix @ matrix.T).double().cpu().numpy()
    some = [k for k, row in enumerate(rows.values()) if row.any()]  # the others have nothing in common
    weights = dict.fromkeys(losses, 1.0)
    if some:
        tasks = [list(losses)[k] for k in some]
        weights |= method.weights({task: values[task] for task in tasks}, gramian[np.ix_(some, some)])
    own = weights if method.heads_too else dict.fromkeys(losses, 1.0)
    for task, (_, at_head) in found.items():
        for parameter, gradient in zip(_own(network.heads[task]), at_head, strict=True):
            _add(parameter, gradient, own[task])
    if cut is not None:
        for task, (at, _) in found.items():
            for leaf, gradient in zip(leaves, at, strict=False):
                _add(leaf, gradient, weights[task])
        ends = [(x, leaf.grad) for x, leaf in zip(cut.features, leaves, strict=True) if leaf.grad is not None]
        if any(x.requires_grad for x, _ in ends):
            torch.autograd.backward([x for x, _ in ends], [gradient for _, gradient in ends])
    for task, (at, _) in found.items():
        for k in range(len(leaves), len(targets)):
            _add(targets[k], at[k], weights[task] if common[k] else own[task])
    return weights, gramian


def _gradients(loss: Tensor, targets: Sequence[Tensor], head: nn.Module) -> tuple[Gradients, Gradients]:
    """Of one loss, at `targets` and at its head's own parameters."""
    found = torch.autograd.grad(loss, [*targets, *_own(head)], retain_graph=True, allow_unused=True)
    return found[: len(targets)], found[len(targets) :]


def _own(head: nn.Module) -> list[nn.Parameter]:
    return [p for p in head.parameters() if p.requires_grad]


def _flat(gradients: Gradients, common: Sequence[bool], targets: Sequence[Tensor]) -> Tensor:
    """One row: a task's gradient at what is in common, 0 where it does not reach."""
    parts = [
        target.new_zeros(target.numel(), dtype=torch.float32)
        if gradient is None
        else gradient.flatten().float()
        for gradient, target, both in zip(gradients, targets, common, strict=True)
        if both
    ]
    return torch.cat(parts) if parts else torch.zeros(1)


def _add(target: Tensor, gradient: Tensor | None, weight: float) -> None:
    if gradient is not None:
        scaled = weight * gradient
        target.grad = scaled if target.grad is None else target.grad + scaled

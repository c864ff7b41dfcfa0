"""A few labelled frames teach a trained network; its batch norms keep their statistics.

`heads`: the heads of the labelled tasks alone, on features of the trunk that are computed once. `affine`:
also scale and bias of the trunk's batch norms (Frankle et al. 2021, "Training BatchNorm and only BatchNorm").
`all`: the trunk's kernels too, but for the stages by which sign crops are read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

from perception.errors import DataError
from perception.model.network import Network, normalise
from perception.tasks.batch import Batch
from perception.tasks.losses import LOSSES
from perception.training.config import WEIGHTS
from perception.training.objective import losses
from perception.training.optimise import Ema
from perception.training.precision import reduced

PARTS = ("heads", "affine", "all")
Losses = Callable[[], Mapping[str, Tensor]]  # of the next batch, by task


@dataclass(frozen=True)
class Recipe:
    """How the frames are learnt."""

    parts: str = "heads"  # what may move, of PARTS
    steps: int = 100
    batch: int = 8
    pool: int = 13  # batches whose features are computed, where only heads move
    lr: float = 3e-4
    weight_decay: float = 1e-3
    ema: float = 0.98
    clip: float = 10.0
    warmup: float = 0.1
    seed: int = 0


def fit(
    network: Network,
    batches: Iterator[Batch],
    tasks: Collection[str],
    recipe: Recipe,
    minutes: float = 5.0,
    progress: Callable[[float], None] = lambda done: None,
) -> Network:
    """The average of the network over `recipe.steps` batches, or `minutes`, if these end first.

    `network` is changed. tasks: those that the frames label; no other head moves. `progress` hears the share
    that is done. Raises DataError if a loss is no number.
    """
    began, step, done = time.monotonic(), 0, 0.0
    torch.manual_seed(recipe.seed)
    free(network, tasks, recipe.parts)
    moving = [p for p in network.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(moving, recipe.lr, weight_decay=recipe.weight_decay)
    ema = Ema(network, recipe.ema)
    look = _looking_at_heads if recipe.parts == "heads" else _looking
    next_losses = look(network, batches, tasks, recipe)
    while done < 1:
        for group in optimizer.param_groups:
            group["lr"] = recipe.lr * min(1.0, (done + 0.01) / recipe.warmup) * (1 - done)
        optimizer.zero_grad(set_to_none=True)
        if found := next_losses():
            _total(found, step).backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(moving, recipe.clip)
            optimizer.step()
            ema.update(network, step)
        step += 1
        done = max(step / recipe.steps, (time.monotonic() - began) / 60 / minutes)
        progress(min(1.0, done))
    return ema.network


def free(network: Network, tasks: Collection[str], parts: str) -> None:
    """Let only `parts` learn, of the heads those of `tasks`."""
    network.eval().requires_grad_(False)
    for task in tasks:
        network.heads[task].requires_grad_(True)
    if parts == "all":
        network.trunk.requires_grad_(True)
        for block in network.trunk.encoder.front_blocks():
            block.requires_grad_(False)
    if parts in ("affine", "all"):
        for module in network.trunk.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.requires_grad_(True)


def _looking(network: Network, batches: Iterator[Batch], tasks: Collection[str], recipe: Recipe) -> Losses:
    """All tasks' losses, as what they share moves."""
    return lambda: losses(network, next(batches))


def _looking_at_heads(
    network: Network, batches: Iterator[Batch], tasks: Collection[str], recipe: Recipe
) -> Losses:
    seen = [(_views(network, batch, tasks), batch) for batch in islice(batches, recipe.pool)]
    rng = np.random.default_rng(recipe.seed)

    def next_losses() -> Mapping[str, Tensor]:
        views, batch = seen[int(rng.integers(len(seen)))]
        outputs: dict[str, Tensor] = {}
        for task in tasks:
            answers = network.heads[task]([level.float() for level in views])
            outputs |= {f"{task}.{name}": value for name, value in answers.items()}
        found = {task: LOSSES[task](outputs, batch) for task in tasks}
        return {task: loss for task, loss in found.items() if loss is not None}

    return next_losses


@torch.no_grad()
def _views(network: Network, batch: Batch, tasks: Collection[str]) -> list[Tensor]:
    """What the heads read, in half the bytes."""
    with reduced(batch.images.device.type):
        views = network.trunk(normalise(batch.images), tasks)
    return [level.bfloat16() for level in next(iter(views.values()))]


def _total(found: Mapping[str, Tensor], step: int) -> Tensor:
    total = torch.stack([WEIGHTS.get(task, 1.0) * loss for task, loss in found.items()]).sum()
    if not torch.isfinite(total):
        raise DataError(
            f"step {step}: expected losses that are numbers, got NaN or infinity of {', '.join(found)}. "
            "Look at the labels"
        )
    return total

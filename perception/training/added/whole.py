"""The whole network learns an added task, and is held to what it said before: learning without forgetting.

The network as it was teaches (Li and Hoiem 2016): on every picture, with labels or without, its outputs are
what the old heads are to say. They are compared as they leave the heads, by squares (Kim et al. 2021,
"Comparing Kullback-Leibler divergence and mean squared error loss in knowledge distillation"), each output in
units of its own variance, so logits and distances count alike. Batch norms keep their statistics, and the
stages by which sign crops are read their kernels (`adapt.fit`).
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from perception.errors import DataError
from perception.labels.added import Example
from perception.model.added import AddedHead
from perception.model.network import Network, normalise
from perception.tasks.added_batch import AddedBatch
from perception.tasks.heads import CROP_READERS
from perception.training.adapt.fit import free
from perception.training.adapt.start import planes
from perception.training.added.fit import LOSSES, batch_of
from perception.training.added.recipe import Recipe
from perception.training.added.views import View, changed, views
from perception.training.precision import reduced
from perception.types import Size

LEVELS = {8: 0, 16: 1, 32: 2}  # stride -> which of the features that all heads read
FINEST = 4  # stride of the first stage's features
CLIP = 10.0  # longest gradient
LEAST = 1e-6  # variance of an output

Outputs = dict[str, Tensor]  # by name


@dataclass(frozen=True)
class Step:
    """What one step learns from."""

    new: Tensor  # (n, 3, h, w) uint8 BGR
    old: Tensor  # (m, 3, h, w), of which nothing is known
    truth: AddedBatch  # of the new task


def steps(
    examples: Sequence[Example], classes: Sequence[str], old: np.ndarray, size: Size, recipe: Recipe
) -> Iterator[Step]:
    """Endless: changed views of `examples`, and of pictures `old` (n, h, w, 3) uint8 BGR as many.

    `size`: (width, height) of the network; `recipe`: of the kind.
    """
    rng, recipe = np.random.default_rng((recipe.seed, 1)), replace(recipe, views=2)
    half = -(-recipe.free_batch // 2)
    while True:
        rows = rng.choice(len(examples), half, replace=len(examples) < half)
        new = [_view(examples[k], classes, size, recipe, rng) for k in rows]
        kept = [changed(old[k], rng, size) for k in rng.integers(len(old), size=half)]
        yield Step(planes(np.stack([view.image for view in new])), planes(np.stack(kept)), batch_of(new))


def _view(
    example: Example, classes: Sequence[str], size: Size, recipe: Recipe, rng: np.random.Generator
) -> View:
    """A changed one, or the whole picture where that has lost what is labelled."""
    whole, other = views(example, classes, size, recipe, rng)
    return other if other.labels is not None or len(other.class_id) else whole


def fit(
    network: Network,
    head: AddedHead,
    kind: str,
    batches: Iterator[Step],
    weight: Tensor,
    recipe: Recipe,
    progress: Callable[[float], None] = lambda done: None,
) -> None:
    """Train `network` and `head` in place over `recipe.free_steps` batches.

    weight: (classes,) of the new task's loss. Raises DataError if the loss is no number.
    """
    torch.manual_seed(recipe.seed)
    teacher = copy.deepcopy(network).eval().requires_grad_(False)
    free(network, _seeing(network), "all")
    head.train().requires_grad_(True)
    own = [p for p in network.parameters() if p.requires_grad]
    groups = [{"params": own}, {"params": list(head.parameters())}]
    optimiser = torch.optim.AdamW(groups, recipe.free_lr, weight_decay=recipe.weight_decay)
    most = [recipe.free_lr, recipe.lr / 3]  # the head has learnt before
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, most, total_steps=recipe.free_steps)
    for number, step in enumerate(islice(batches, recipe.free_steps), 1):
        images = torch.cat([step.new, step.old])
        with reduced(images.device.type):
            before, _ = _answers(teacher, images)
            after, seen = _answers(network, images)
            maps = head([_features(network, seen, step.new, stride) for stride in recipe.strides])
        new = LOSSES[kind](maps.float(), step.truth, weight)
        value = new + recipe.distil * distilled(before, after)
        if not torch.isfinite(value):
            raise DataError("the loss is no number any more; take a lower rate: --set free_lr=1e-5")
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_([*own, *head.parameters()], CLIP)
        optimiser.step()
        schedule.step()
        progress(number / recipe.free_steps)
    network.eval().requires_grad_(False)
    head.eval().requires_grad_(False)


def distilled(before: Outputs, after: Outputs) -> Tensor:
    """How far the answers are from those before, summed over the tasks; 1 for a task: as far as they vary."""
    tasks: dict[str, list[Tensor]] = {}
    for name, was in before.items():
        variance = was.float().var(correction=0).clamp(min=LEAST)
        error = (after[name].float() - was.float()).square().mean() / variance
        tasks.setdefault(name.partition(".")[0], []).append(error)
    return torch.stack([torch.stack(errors).mean() for errors in tasks.values()]).sum()


def _answers(network: Network, images: Tensor) -> tuple[Outputs, list[Tensor]]:
    """Outputs by name, and the features that all heads read, finest first."""
    found, tasks = Outputs(), _seeing(network)
    seen = network.trunk(normalise(images), tasks)
    for task in tasks:
        answers = network.heads[task](seen[task])
        found |= {f"{task}.{name}": value for name, value in answers.items()}
    return found, seen[tasks[0]]


def _features(network: Network, seen: Sequence[Tensor], images: Tensor, stride: int) -> Tensor:
    """Of `images`, the first of those that were `seen`."""
    if stride == FINEST:
        encoder = network.trunk.encoder
        finest: Tensor = encoder.stage(0, encoder.stem(normalise(images)))
        return finest
    return seen[LEVELS[stride]][: len(images)]


def _seeing(network: Network) -> list[str]:
    """The tasks that see frames."""
    return [task for task in network.heads if task not in CROP_READERS]

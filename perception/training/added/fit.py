"""The head of an added task learns; nothing else does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from perception.errors import DataError
from perception.model.added import AddedHead
from perception.tasks.added_batch import AddedBatch
from perception.tasks.class_map import loss as class_map
from perception.tasks.image_class import loss as image_class
from perception.tasks.object_class import loss as object_class
from perception.training.added.recipe import FACTOR, Recipe
from perception.training.added.views import View
from perception.types import VOID

LOSSES: dict[str, Callable[[Tensor, AddedBatch, Tensor], Tensor]] = {
    "image": image_class.loss,
    "object": object_class.loss,
    "map": class_map.loss,
}


@dataclass(frozen=True, eq=False)
class Level:
    """Features of n views at one stride, rounded to bytes as the INT8 network does."""

    codes: np.ndarray  # (n, channels, h, w) uint8
    scale: float  # value of a code

    def batch(self, rows: np.ndarray) -> Tensor:
        """Their values, float32."""
        return torch.from_numpy(self.codes[rows]).float() * self.scale


@dataclass(frozen=True, eq=False)
class Features:
    """All that a head reads."""

    levels: tuple[Level, ...]  # as `Recipe.strides`

    @property
    def channels(self) -> list[int]:
        return [level.codes.shape[1] for level in self.levels]

    def batch(self, rows: np.ndarray) -> list[Tensor]:
        return [level.batch(rows) for level in self.levels]


def outputs(kind: str, classes: int) -> int:
    """Channels of the head's output."""
    return classes * (FACTOR**2 if kind == "map" else 1)


def fit(kind: str, classes: int, views: Sequence[View], features: Features, recipe: Recipe) -> AddedHead:
    """A head for `classes`, trained on `views` with their `features`. Same arguments, same head.

    Raises DataError if the loss is no number.
    """
    torch.manual_seed(recipe.seed)
    rng = np.random.default_rng(recipe.seed)
    head = AddedHead(features.channels, recipe.hidden, outputs(kind, classes), recipe.detail)
    optimiser = torch.optim.AdamW(head.parameters(), recipe.lr, weight_decay=recipe.weight_decay)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, recipe.lr, total_steps=recipe.steps)
    weight, loss = class_weights(views, classes), LOSSES[kind]
    usable = np.array([k for k, view in enumerate(views) if view.labels is not None or len(view.class_id)])
    for _ in range(recipe.steps):
        rows = rng.choice(usable, min(recipe.batch, len(usable)), replace=False)
        value = loss(head(features.batch(rows)), batch_of([views[k] for k in rows]), weight)
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        if not torch.isfinite(value):
            raise DataError("the loss is no number any more; take a lower rate: --set lr=1e-3")
    return head.eval()


def batch_of(views: Sequence[View]) -> AddedBatch:
    places = [
        (k, (int(x1), int(y1), int(x2), int(y2)))
        for k, view in enumerate(views)
        for x1, y1, x2, y2 in (view.places if view.labels is None else ())
    ]
    ids = np.concatenate([view.class_id for view in views]).astype(np.int64)
    labels = [view.labels for view in views if view.labels is not None]
    maps = torch.from_numpy(np.stack(labels).astype(np.int64)) if labels else None
    return AddedBatch(tuple(places), torch.from_numpy(ids), maps)


def class_weights(views: Sequence[View], classes: int) -> Tensor:
    """(classes,) the rarer the more, by the square root, of the mean 1."""
    found = _labelled(views, classes)
    weight = np.maximum(found, found.sum() / 1e4) ** -0.5
    return torch.from_numpy(weight / weight.mean()).float()


def check_shown(views: Sequence[View], classes: Sequence[str]) -> None:
    """Raises DataError for a class that no view shows: of a mask it may have a value and no pixel."""
    found = _labelled(views, len(classes))
    if missing := [name for name, count in zip(classes, found, strict=True) if not count]:
        raise DataError(
            f"expected labels of every class in what is learnt from, got none of {', '.join(missing)} in "
            f"{len(views)} views; leave the class out (--classes), or label more"
        )


def _labelled(views: Sequence[View], classes: int) -> np.ndarray:
    """(classes,) how many boxes, images or pixels show it."""
    found = np.zeros(classes)
    for view in views:
        labels = view.class_id if view.labels is None else view.labels[view.labels != VOID]
        found += np.bincount(labels.ravel(), minlength=classes)
    return found

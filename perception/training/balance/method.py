"""What a balancing method is: a rule that gives each task of a step its weight.

It sees the losses of the tasks that are present in the step, by name, and, if it asks for it, the Gramian of
their gradients over what they share: `gramian[i, j]` is the dot product of the gradients of tasks i and j, in
the order of `losses`. What it remembers it keeps by task name, so a task may be absent as long as it likes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

Losses = Mapping[str, float]
Weights = dict[str, float]


class Method(Protocol):
    needs_gramian: bool  # costs a backward pass for each task
    heads_too: bool  # the weights also scale each head's own gradient; else they steer what is shared alone
    looks_again: bool  # `observe` is called with the losses of the same batch after the step

    def weights(self, losses: Losses, gramian: np.ndarray) -> Weights:
        """A weight for each task of `losses`. Without `needs_gramian`, `gramian` is all zeros."""

    def observe(self, losses: Losses) -> None:
        """The losses of the last batch once more, after the step that its weights led to."""

    def state(self) -> dict[str, Any]:
        """All that it remembers, in plain numbers, lists and dicts."""

    def restore(self, state: dict[str, Any]) -> None:
        """The inverse of `state`."""


class OnLosses:
    """A method that finds its weights from the losses; unless it says more, it remembers nothing."""

    needs_gramian, heads_too, looks_again = False, True, False

    def __init__(self, base: Mapping[str, float], seed: int = 0) -> None:
        """`base`: fixed weights by task name (1 where not named), `seed`: of what is drawn."""
        self.base, self.seed = dict(base), seed

    def observe(self, losses: Losses) -> None:
        pass

    def state(self) -> dict[str, Any]:
        return {}

    def restore(self, state: dict[str, Any]) -> None:
        pass


class OnGradients(OnLosses):
    """A method that finds its weights from the directions of the gradients alone: `mix` of their cosines.

    Rows are brought to length 1 first: where lengths differ by more than thirty to one, the solvers lose the
    promises of their methods. The combined gradient gets the mean length of the present tasks' gradients, so
    one task alone gets its plain gradient. Tasks without gradient take no part. `base` is not used.
    """

    needs_gramian, heads_too = True, False

    def weights(self, losses: Losses, gramian: np.ndarray) -> Weights:
        length = np.sqrt(np.diag(gramian).clip(min=0))
        rows = np.flatnonzero(length > 1e-12)
        found = dict.fromkeys(losses, 0.0)
        if len(rows):
            cosines = gramian[np.ix_(rows, rows)] / np.outer(length[rows], length[rows])
            mixed = self.mix(cosines) * length[rows].mean() / length[rows]
            found |= {list(losses)[row]: float(w) for row, w in zip(rows, mixed, strict=True)}
        return found

    def mix(self, cosines: np.ndarray) -> np.ndarray:
        """Weights (t,) of unit gradients whose dot products are `cosines` (t, t)."""
        raise NotImplementedError


def sized(weights: np.ndarray, cosines: np.ndarray) -> np.ndarray:
    """`weights` scaled so that the combination is as long as the mean of the unit gradients' lengths: 1."""
    length = np.sqrt(max(weights @ cosines @ weights, 0.0))
    return weights / length if length > 1e-9 else np.zeros_like(weights)

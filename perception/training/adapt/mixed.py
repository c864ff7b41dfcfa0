"""Weights between those before and after (Wortsman et al. 2022, "Robust fine-tuning of zero-shot models")."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from torch import Tensor

from perception.model.network import Network

ALL = "all"  # the whole network
HEADS = "heads."


def mixed(old: Mapping[str, Tensor], new: Network, shares: Mapping[str, float]) -> Network:
    """A copy of `new` with shares of its weights and statistics, and the rest of `old`'s, of one network.

    `shares`: of the head of a task by name, and of ALL others; 0 where none is said.
    """
    made = copy.deepcopy(new)
    for name, value in made.state_dict().items():
        if value.is_floating_point():
            task = name.split(".")[1] if name.startswith(HEADS) else ALL
            value.copy_(old[name].lerp(value, shares.get(task, shares.get(ALL, 0.0))))
    return made.eval()

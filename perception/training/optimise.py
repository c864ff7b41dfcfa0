"""How weights move: the optimizer, its learning rate over a run, and the running average."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from perception.model.network import Network
from perception.training.config import Config


class Ema:
    """A running average of the weights and statistics, which is what is evaluated and shipped."""

    def __init__(self, network: Network, decay: float) -> None:
        self.network: Network = copy.deepcopy(network).eval()
        self.decay = decay

    @torch.no_grad()
    def update(self, network: Network, step: int) -> None:
        """`step` counts from 0; early steps average over less."""
        keep = min(self.decay, (1 + step) / (10 + step))
        averages: list[tuple[Tensor, Tensor]] = []
        others: list[tuple[Tensor, Tensor]] = []
        for old, new in zip(self.network.state_dict().values(), network.state_dict().values(), strict=True):
            (averages if old.dtype.is_floating_point else others).append((old, new))
        torch._foreach_lerp_([old for old, _ in averages], [new for _, new in averages], 1 - keep)
        for old, new in others:  # counts of batches
            old.copy_(new)


def learning_rate(progress: float, config: Config) -> float:
    """Linear warm-up, then a half cosine down to 1 % (Smith and Topin 2018). `progress`: 0 to 1.

    With a cooldown the rate stands still in between (Hu et al. 2024), so that a run can be made longer.
    """
    if progress < config.warmup:
        return config.lr * (0.02 + 0.98 * progress / config.warmup)
    start = max(config.warmup, 1 - config.cooldown)
    fall = max(0.0, progress - start) / (1 - start)
    return config.lr * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(fall, 1.0))))


def optimizer(network: nn.Module, config: Config) -> torch.optim.AdamW:
    """AdamW; vectors (biases, norms, identity paths) do not decay."""
    matrices = [p for p in network.parameters() if p.ndim > 1]
    vectors = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": matrices, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, config.lr, betas=(0.9, 0.99))


def restore(optimizer: torch.optim.Optimizer, state: Mapping[str, Any]) -> None:
    """Take what `state` remembers of each weight; settings, such as the weight decay, stay those of now."""
    optimizer.load_state_dict({**state, "param_groups": optimizer.state_dict()["param_groups"]})

"""Mixture of experts (Ma et al. 2018, MMoE): behind the shared neck several experts, mixed by a gate a task.

An expert is one block a level. A task's gate sees the mean of the coarsest level, so images may have any
size, and gives each expert a share; what the gates chose last is kept in `shares` for the log.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import cast

import torch
from torch import Tensor, nn

from perception.model.blocks import RepConv
from perception.model.shape import DEFAULT, Shape
from perception.model.sharing.trunk import SharedTrunk

EXPERTS = 3


class Mixture(SharedTrunk):
    def __init__(
        self, tasks: Collection[str], crop_tasks: Collection[str] = (), shape: Shape = DEFAULT
    ) -> None:
        super().__init__(tasks, crop_tasks, shape)
        self.experts = nn.ModuleList(
            [nn.ModuleList([RepConv(w, w) for w in self.widths]) for _ in range(EXPERTS)]
        )
        self.gates = nn.ModuleDict({task: nn.Linear(shape.neck, EXPERTS) for task in tasks})
        self.shares: dict[str, Tensor] = {}  # task -> (EXPERTS,) mean over the last batch

    def telemetry(self) -> dict[str, float]:
        """`gate.<task>.<expert>`: the expert's share of the task's view, mean over the batch."""
        return {f"gate.{task}.{k}": float(x) for task, own in self.shares.items() for k, x in enumerate(own)}

    def forward(self, images: Tensor, tasks: Collection[str]) -> Mapping[str, list[Tensor]]:
        levels = self.pyramid(images)
        pooled = levels[-1].mean((2, 3))
        answers = [
            [block(x) for block, x in zip(cast(nn.ModuleList, expert), levels, strict=True)]
            for expert in self.experts
        ]
        views = {}
        for task in tasks:
            gate = self.gates[task](pooled).softmax(1)
            self.shares[task] = gate.detach().mean(0)
            views[task] = [
                torch.stack([gate[:, k, None, None, None] * x for k, x in enumerate(same)]).sum(0)
                for same in zip(*answers, strict=True)
            ]
        return views

"""Cross-task attention: each task attends to the features of the others, place by place.

As the attention-guided message passing of PAD-Net (Xu et al. 2018): F_t + sigmoid(A_t F_t) * mean_s V_s F_s
over the other tasks s, with F_t a block of the task's own on the shared pyramid and A, V 1x1 convolutions.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import cast

import torch
from torch import Tensor, nn

from perception.model.blocks import RepConv
from perception.model.shape import DEFAULT, Shape
from perception.model.sharing.trunk import SharedTrunk


class CrossTaskAttention(SharedTrunk):
    def __init__(
        self, tasks: Collection[str], crop_tasks: Collection[str] = (), shape: Shape = DEFAULT
    ) -> None:
        super().__init__(tasks, crop_tasks, shape)
        self.own = nn.ModuleDict({t: nn.ModuleList([RepConv(w, w) for w in self.widths]) for t in tasks})
        self.ask, self.tell = (
            nn.ModuleDict({t: nn.ModuleList([nn.Conv2d(w, w, 1) for w in self.widths]) for t in tasks})
            for _ in range(2)
        )

    def forward(self, images: Tensor, tasks: Collection[str]) -> Mapping[str, list[Tensor]]:
        """All tasks' blocks run, whichever tasks are asked for: each is attended to."""
        levels = self.pyramid(images)
        views: dict[str, list[Tensor]] = {task: [] for task in tasks}
        for k, level in enumerate(levels):
            features = {task: block(self.own, task, k)(level) for task in self.own}
            told = {task: block(self.tell, task, k)(x) for task, x in features.items()}
            for task in tasks:
                others = [x for name, x in told.items() if name != task]
                x = features[task]
                if others:
                    x = x + block(self.ask, task, k)(x).sigmoid() * torch.stack(others).mean(0)
                views[task].append(x)
        return views


def block(modules: nn.ModuleDict, task: str, level: int) -> nn.Module:
    return cast(nn.ModuleList, modules[task])[level]

"""Branching: stages up to a chosen depth are shared, the rest and the neck belong to each task."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import cast

from torch import Tensor, nn

from perception.model.encoder import Encoder
from perception.model.shape import DEFAULT, Shape
from perception.model.sharing.trunk import Trunk, necks


class Branch(Trunk):
    def __init__(
        self,
        tasks: Collection[str],
        crop_tasks: Collection[str] = (),
        shape: Shape = DEFAULT,
        depth: int = 2,
    ) -> None:
        """`depth`: stages that are shared, of the encoder's four."""
        super().__init__(shape)
        self.depth, self.encoder = depth, Encoder(shape.widths, shape.depths)
        self.own = nn.ModuleDict({task: Encoder(shape.widths, shape.depths).stages[depth:] for task in tasks})
        self.necks = necks(tasks, shape)
        del self.encoder.stages[max(depth, 2) :]  # sign crops read two stages

    def forward(self, images: Tensor, tasks: Collection[str]) -> Mapping[str, list[Tensor]]:
        x = self.encoder.stem(images)
        common = []
        for k in range(self.depth):
            x = self.encoder.stage(k, x)
            common.append(x)
        return {task: self.necks[task]([*common, *self._rest(task, x)]) for task in tasks}

    def _rest(self, task: str, x: Tensor) -> list[Tensor]:
        found = []
        for stage in cast(nn.ModuleList, self.own[task]):
            for block in cast(nn.ModuleList, stage):
                x = block(x)
            found.append(x)
        return found

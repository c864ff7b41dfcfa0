"""No sharing: an encoder and a neck for each task. The baseline that sharing is measured against."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import cast

from torch import Tensor

from perception.model.encoder import Encoder
from perception.model.shape import DEFAULT, Shape
from perception.model.sharing.trunk import Trunk, encoders, necks


class Separate(Trunk):
    """Each task's head reads the pyramid of its own encoder; sign crops have one of their own, too."""

    def __init__(
        self, tasks: Collection[str], crop_tasks: Collection[str] = (), shape: Shape = DEFAULT
    ) -> None:
        super().__init__(shape)
        self.encoders = encoders([*crop_tasks, *tasks], shape)
        self.necks = necks(tasks, shape)

    @property
    def encoder(self) -> Encoder:  # type: ignore[override]
        return cast(Encoder, next(iter(self.encoders.values())))

    def forward(self, images: Tensor, tasks: Collection[str]) -> Mapping[str, list[Tensor]]:
        return {task: self.necks[task](self.encoders[task](images)) for task in tasks}

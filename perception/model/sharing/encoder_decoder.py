"""A shared encoder and a whole decoder, here a neck, for each task."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor

from perception.model.encoder import Encoder
from perception.model.shape import DEFAULT, Shape
from perception.model.sharing.trunk import Trunk, necks


class EncoderDecoder(Trunk):
    def __init__(
        self, tasks: Collection[str], crop_tasks: Collection[str] = (), shape: Shape = DEFAULT
    ) -> None:
        super().__init__(shape)
        self.encoder = Encoder(shape.widths, shape.depths)
        self.necks = necks(tasks, shape)

    def forward(self, images: Tensor, tasks: Collection[str]) -> Mapping[str, list[Tensor]]:
        features = self.encoder(images)
        return {task: self.necks[task](features) for task in tasks}

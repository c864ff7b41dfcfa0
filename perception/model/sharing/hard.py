"""Hard sharing (Caruana 1997): one encoder and neck, a head a task."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor

from perception.model.encoder import Encoder
from perception.model.neck import Neck
from perception.model.shape import DEFAULT, Shape
from perception.model.sharing.trunk import Trunk


class HardSharing(Trunk):
    """Every task's head reads the same pyramid."""

    def __init__(
        self, tasks: Collection[str], crop_tasks: Collection[str] = (), shape: Shape = DEFAULT
    ) -> None:
        super().__init__(shape)
        self.encoder = Encoder(shape.widths, shape.depths)
        self.neck = Neck(shape.widths, shape.neck)

    def forward(self, images: Tensor, tasks: Collection[str]) -> Mapping[str, list[Tensor]]:
        return dict.fromkeys(tasks, self.neck(self.encoder(images)))

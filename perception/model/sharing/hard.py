"""Hard sharing (Caruana 1997): one encoder and neck, a head a task."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor

from perception.model.sharing.trunk import SharedTrunk


class HardSharing(SharedTrunk):
    """Every task's head reads the same pyramid."""

    def forward(self, images: Tensor, tasks: Collection[str]) -> Mapping[str, list[Tensor]]:
        return dict.fromkeys(tasks, self.pyramid(images))

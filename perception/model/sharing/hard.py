"""Hard sharing (Caruana 1997): one encoder and neck, a head a task."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from torch import Tensor, nn

from perception.model.encoder import Encoder
from perception.model.neck import Neck


class HardSharing(nn.Module):
    """The trunk. Every task's head reads the same pyramid."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = Encoder()
        self.neck = Neck(self.encoder.widths)
        self.widths = self.neck.widths

    def forward(self, images: Tensor, tasks: Collection[str]) -> Mapping[str, list[Tensor]]:
        """Normalised images (b, 3, h, w) to each task's own view of the pyramid."""
        levels = self.neck(self.encoder(images))
        return dict.fromkeys(tasks, levels)

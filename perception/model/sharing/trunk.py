"""What a sharing architecture is: everything between the image and the heads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping

from torch import Tensor, nn

from perception.model.encoder import Encoder
from perception.model.neck import Neck
from perception.model.shape import DEFAULT, Shape


class Trunk(nn.Module, ABC):
    """Made of `tasks`, which read frames, and `crop_tasks`, which read crops by `encoder`'s first stages."""

    encoder: Encoder

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        self.widths = (shape.neck,) * 3  # of a task's view at strides 8, 16 and 32

    @abstractmethod
    def forward(self, images: Tensor, tasks: Collection[str]) -> Mapping[str, list[Tensor]]:
        """Normalised images (b, 3, h, w) to each task's own view: three levels (b, neck, h / stride, …)."""

    def telemetry(self) -> dict[str, float]:
        """What the training log should know of the last forward pass, by name."""
        return {}

    def penalty(self) -> Tensor | None:
        """What is added to the losses in training, if anything."""
        return None


class SharedTrunk(Trunk):
    """One encoder and neck for all tasks; what a task does with their pyramid is its own affair."""

    def __init__(
        self, tasks: Collection[str], crop_tasks: Collection[str] = (), shape: Shape = DEFAULT
    ) -> None:
        super().__init__(shape)
        self.encoder = Encoder(shape.widths, shape.depths)
        self.neck = Neck(shape.widths, shape.neck)

    def pyramid(self, images: Tensor) -> list[Tensor]:
        """Levels at strides 8, 16 and 32."""
        levels: list[Tensor] = self.neck(self.encoder(images))
        return levels


def encoders(tasks: Collection[str], shape: Shape) -> nn.ModuleDict:
    """An encoder for each task."""
    return nn.ModuleDict({task: Encoder(shape.widths, shape.depths) for task in tasks})


def necks(tasks: Collection[str], shape: Shape) -> nn.ModuleDict:
    """A neck for each task."""
    return nn.ModuleDict({task: Neck(shape.widths, shape.neck) for task in tasks})

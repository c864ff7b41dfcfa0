"""The whole network: a trunk that the tasks share, and their heads by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import torch
from torch import Tensor, nn

from perception.convention import MEAN, SCALE
from perception.model.shape import DEFAULT, Shape
from perception.model.sharing import SHARING
from perception.model.specs import CLASSES
from perception.tasks.heads import CROP_READERS, HEADS

LIKE = {"signs_grid": "signs"}  # heads with the classes of another task


def normalise(images: Tensor) -> Tensor:
    """uint8 BGR (b, 3, h, w) to about zero mean and unit variance, float32."""
    return ((images.float() - MEAN) / SCALE).contiguous(memory_format=torch.channels_last)


class Network(nn.Module):
    """`forward` answers by output name (`lanes.map`), for the tasks asked for."""

    def __init__(
        self,
        tasks: Collection[str] = tuple(HEADS),
        sharing: str = "hard",
        classes: Mapping[str, Sequence[str]] = CLASSES,
        shape: Shape = DEFAULT,
    ) -> None:
        """`classes`: of tasks whose classes are not ours."""
        super().__init__()
        self.classes = {task: tuple(own) for task, own in {**CLASSES, **classes}.items()}
        crops = [task for task in tasks if task in CROP_READERS]
        self.trunk = SHARING[sharing]([task for task in tasks if task not in crops], crops, shape)
        counts = {task: len(self.classes[LIKE.get(task, task)]) for task in tasks}
        self.heads = nn.ModuleDict({task: HEADS[task](self.trunk, counts[task]) for task in tasks})

    def forward(self, images: Tensor, tasks: Collection[str] | None = None) -> dict[str, Tensor]:
        """Normalised images (b, 3, h, w), h and w multiples of 32, to logits by output name."""
        wanted = [t for t in self.heads if t not in CROP_READERS and (tasks is None or t in tasks)]
        views: Mapping[str, list[Tensor]] = self.trunk(images, wanted)
        outputs: dict[str, Tensor] = {}
        for task in wanted:
            answers = self.heads[task](views[task])
            outputs |= {f"{task}.{name}": value for name, value in answers.items()}
        return outputs

    def crops(self, crops: Tensor) -> dict[str, Tensor]:
        """Normalised sign crops (n, 3, 64, 64) to `signs.logits` (n, classes)."""
        return {"signs.logits": self.heads["signs"](self.trunk.encoder, crops)}

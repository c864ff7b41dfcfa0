"""What the attacker knows: the float weights, and what the pipeline does before and after the network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from perception.bundle import TaskSpec
from perception.letterbox import PAD, Letterbox
from perception.model.network import normalise
from perception.model.stored import Stored
from perception.pipeline import Pipeline

Outputs = Mapping[str, Tensor]  # by name, with a batch axis of one


@dataclass(frozen=True)
class Known:
    networks: Stored
    pipeline: Pipeline
    specs: Mapping[str, TaskSpec]

    def outputs(self, image: Tensor, tasks: Sequence[str]) -> Outputs:
        """Of the float network, for an image (1, 3, H, W) float32, BGR, 0..255, with gradients."""
        size = image.shape[3], image.shape[2]
        box = Letterbox.fit(size, self.pipeline.size_for(size))
        outputs: Outputs = self.networks.frames.network(normalise(letterboxed(image, box)), tasks)
        return outputs


def letterboxed(image: Tensor, box: Letterbox) -> Tensor:
    """`Letterbox.apply` with gradients, up to a grey level or two: (1, 3, H, W) to (1, 3, h, w)."""
    (width, height), (left, top) = box.inner, box.offset
    inner = F.interpolate(image, (height, width), mode="bilinear", antialias=True)
    right, below = box.network[0] - width - left, box.network[1] - height - top
    return F.pad(inner, (left, right, top, below), value=PAD)


def tensor_of(image: np.ndarray) -> Tensor:
    """(H, W, 3) uint8 to (1, 3, H, W) float32, 0..255."""
    return torch.from_numpy(image.transpose(2, 0, 1)[None].copy()).float()


def image_of(tensor: Tensor) -> np.ndarray:
    """The other way, rounded."""
    levels = tensor[0].round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(levels.numpy().transpose(1, 2, 0))

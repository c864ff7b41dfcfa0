"""What a training step is given: images and the truth that is known of them. Needs torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

UNKNOWN = 255  # in a map: no truth at this pixel; below, 0..254 = probability x 254
CERTAIN = 254
MAPS = ("drivable", "line", "paint", "edge")  # in the order of `Batch.maps`
ANY_SIGN = -1  # a sign of unknown meaning


@dataclass(frozen=True)
class Batch:
    """b frames and n sign crops. Box fields are padded to the longest row; `valid` marks real rows."""

    images: Tensor  # (b, 3, h, w) uint8, BGR
    maps: Tensor  # (b, len(MAPS), h/2, w/2) uint8; 255 unknown
    boxes: Tensor  # (b, m, 4) float32, pixels
    labels: Tensor  # (b, m) int64
    sure: Tensor  # (b, m) bool: learn from it; valid and not sure: ignore the place
    valid: Tensor  # (b, m) bool
    signs: Tensor  # (b, m) int64, -1 unknown
    negative_weight: Tensor  # (b, classes) float32
    has_boxes: Tensor  # (b,) bool
    crops: Tensor  # (n, 3, 64, 64) uint8, BGR
    crop_signs: Tensor  # (n,) int64

    def to(self, device: torch.device) -> Batch:
        return self._each(lambda x: x.to(device, non_blocking=True))

    def pin_memory(self) -> Batch:
        """For a loader that copies to a GPU while the last step runs."""
        return self._each(Tensor.pin_memory)

    def _each(self, change: Callable[[Tensor], Tensor]) -> Batch:
        return Batch(**{field.name: change(getattr(self, field.name)) for field in fields(self)})

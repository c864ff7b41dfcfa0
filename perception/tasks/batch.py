"""What a training step is given: images and the truth that is known of them. Needs torch."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

UNKNOWN = 255  # in a map: no truth at this pixel; below, 0..254 = probability x 254
CERTAIN = 254
ANY_SIGN = -1  # a sign of unknown meaning


@dataclass(frozen=True)
class Batch:
    """b frames and n sign crops. Box fields are padded to the longest row; `valid` marks real rows."""

    images: Tensor  # (b, 3, h, w) uint8, BGR
    maps: Tensor  # (b, 3, h/2, w/2) uint8: drivable, line, paint; 255 unknown
    boxes: Tensor  # (b, m, 4) float32, pixels
    labels: Tensor  # (b, m) int64
    sure: Tensor  # (b, m) bool: learn from it; valid and not sure: ignore the place
    valid: Tensor  # (b, m) bool
    signs: Tensor  # (b, m) int64, -1 unknown
    absence: Tensor  # (b, classes) float32
    has_boxes: Tensor  # (b,) bool
    crops: Tensor  # (n, 3, 64, 64) uint8, BGR
    crop_signs: Tensor  # (n,) int64

"""What a step of an added task's head learns from. Needs torch."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

Place = tuple[int, tuple[int, int, int, int]]  # image of the batch; x1, y1, x2, y2 in cells, ends excluded


@dataclass(frozen=True)
class AddedBatch:
    """Of b images: a class for each of n places, or a label for each pixel."""

    places: tuple[Place, ...]
    class_id: Tensor  # (n,) int64
    labels: Tensor | None = None  # (b, h, w) int64, VOID: not judged

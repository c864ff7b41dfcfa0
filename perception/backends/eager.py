"""A torch module as it is, not exported: to measure a network while it is in training."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import torch

from perception.interfaces import Tensor
from perception.types import RawOutputs, Size


class EagerBackend:
    """`forward`: uint8 (n, 3, h, w) BGR to outputs by name."""

    device = "cpu"

    def __init__(
        self, forward: Callable[[torch.Tensor], Mapping[str, torch.Tensor]], input_size: Size
    ) -> None:
        self.input_size = input_size
        self._forward = forward

    def __call__(self, tensor: Tensor) -> RawOutputs:
        """`tensor`: (n, h, w, 3) uint8."""
        with torch.inference_mode():
            outputs = self._forward(torch.from_numpy(np.asarray(tensor).transpose(0, 3, 1, 2)))
            return {name: value.float().contiguous().numpy() for name, value in outputs.items()}

    def close(self) -> None:
        pass

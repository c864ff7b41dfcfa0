"""Soft sharing (Duong et al. 2015): an encoder for each task, their weights held together by a penalty."""

from __future__ import annotations

import torch
from torch import Tensor

from perception.model.sharing.separate import Separate

STRENGTH = 1e-3


class SoftSharing(Separate):
    def penalty(self) -> Tensor | None:
        """STRENGTH times the squared distances of all encoders' kernels from their mean, per encoder."""
        kernels = [[p for p in encoder.parameters() if p.ndim > 1] for encoder in self.encoders.values()]
        if len(kernels) < 2:
            return None
        total = torch.zeros(())
        for same in zip(*kernels, strict=True):
            stacked = torch.stack(same)
            total = total + (stacked - stacked.mean(0)).square().sum()
        return STRENGTH * total / len(kernels)

"""Batch-norm statistics re-estimated on unlabelled frames of another camera, offline.

Schneider et al. 2020, "Improving robustness against common corruptions by covariate shift adaptation": the
statistics become N / (N + n) of the old ones and n / (N + n) of those of the n new frames, with N = 16.
Folded into the convolutions they cost nothing at run time.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from perception.model.network import Network, normalise
from perception.training.adapt.start import planes

PRIOR = 16.0  # N: frames that the old statistics count as


@torch.no_grad()
def align(
    network: Network, images: np.ndarray, prior: float = PRIOR, crops: np.ndarray | None = None
) -> None:
    """Blend the statistics of `images` (n, h, w, 3) uint8 BGR into those of every batch norm, in place.

    Each norm takes its own when its input arrives, so the next one sees what it will see in use. Norms of
    sign crops take those of `crops` (n, 64, 64, 3). With a prior of 0 nothing is left of the old ones.
    """
    share = len(images) / (len(images) + prior)

    def blend(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        variance, mean = torch.var_mean(inputs[0].float(), (0, 2, 3), correction=0)
        norm.running_mean.lerp_(mean, share)
        norm.running_var.lerp_(variance, share)

    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(blend) for norm in norms]
    network.eval()
    network(normalise(planes(images)))
    if crops is not None and len(crops):
        network.crops(normalise(planes(crops)))
    for hook in hooks:
        hook.remove()

"""Saliency by one backward pass: gradient x activation of an inner layer, positive sums over its channels.

The gradient goes back to one layer of the encoder, at stride 8, and no further: there an answer still has
its place, and the costliest layers lie below. Unlike Grad-CAM (Selvaraju et al. 2017), which averages the
gradient over the picture, each place keeps its own. LayerCAM (Jiang et al. 2021) does so too, but takes the
positive part of each gradient: its maps then change little when the weights are shuffled. docs/explain.md
compares them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from perception.explain.targets import Outputs, Target
from perception.types import Size

SMOOTH = 0.5  # cells of the layer: standard deviation of the blur

Method = Callable[[Tensor, Tensor], Tensor]  # activation, gradient (1, c, h, w) -> (1, h, w)


def gradient_activation(activation: Tensor, gradient: Tensor) -> Tensor:
    return (gradient * activation).sum(1).clamp(min=0)


def layer_cam(activation: Tensor, gradient: Tensor) -> Tensor:
    return (gradient.clamp(min=0) * activation).sum(1)


def grad_cam(activation: Tensor, gradient: Tensor) -> Tensor:
    return (gradient.mean((2, 3), keepdim=True) * activation).sum(1).clamp(min=0)


METHODS: dict[str, Method] = {
    "gradient_activation": gradient_activation,
    "layer_cam": layer_cam,
    "grad_cam": grad_cam,
}


def saliency(
    network: Callable[[Tensor], Outputs],
    layer: nn.Module,
    images: Tensor,
    targets: Sequence[Target],
    method: Method = gradient_activation,
) -> list[np.ndarray]:
    """A map (h, w) float32 for each target, of the sum 1; all zero where nothing speaks for it.

    images: (1, 3, h, w), normalised. layer: the part of the network whose output is looked at.
    """
    kept: list[Tensor] = []

    def keep(module: nn.Module, inputs: object, output: Tensor) -> Tensor:
        kept.append(output.detach().requires_grad_())
        return kept[0]

    hook = layer.register_forward_hook(keep)
    try:
        outputs = network(images)
    finally:
        hook.remove()
    maps = []
    for target in targets:
        (gradient,) = torch.autograd.grad(target.evidence(outputs), kept[0], retain_graph=True)
        cells = method(kept[0].detach(), gradient)[0].numpy()
        maps.append(spread(cells, (images.shape[3], images.shape[2])))
    return maps


def spread(cells: np.ndarray, size: Size) -> np.ndarray:
    """Values of cells (h, w) to a smooth map of `size` (width, height), of the sum 1."""
    smooth = cv2.GaussianBlur(cells.astype(np.float32), (0, 0), SMOOTH)
    grown = cv2.resize(smooth, size, interpolation=cv2.INTER_LINEAR)
    return grown / max(float(grown.sum()), 1e-12)

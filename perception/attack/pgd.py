"""Projected gradient descent (Madry et al. 2018, "Towards Deep Learning Models Resistant to Adversarial
Attacks"): the worst picture within so many grey levels of a picture."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

STRIDE = 2.5  # all steps together go so many times as far as they may


def pgd(goal: Callable[[Tensor], Tensor], image: Tensor, epsilon: Tensor, steps: int, seed: int) -> Tensor:
    """`image` (1, 3, h, w) float32, 0..255, changed by at most `epsilon` (1, 1, h, w), for a high `goal`.

    Begins at random; the best of all steps is given, and `image` itself where none is better.
    """
    drawn = torch.rand(image.shape, generator=torch.Generator().manual_seed(seed))
    now = (image + (2 * drawn - 1) * epsilon).clamp(0, 255)
    best, most = image, float(goal(image))
    for _ in range(steps):
        now = now.detach().requires_grad_()
        value = goal(now)
        if value.item() > most:
            best, most = now.detach(), value.item()
        (slope,) = torch.autograd.grad(value, now)
        step = now.detach() + STRIDE * epsilon / steps * slope.sign()
        now = torch.minimum(torch.maximum(step, image - epsilon), image + epsilon).clamp(0, 255)
    with torch.no_grad():
        return now if float(goal(now)) > most else best

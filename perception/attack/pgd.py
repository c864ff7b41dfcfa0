"""Projected gradient descent (Madry et al. 2018, "Towards Deep Learning Models Resistant to Adversarial
Attacks"): the worst picture within so many grey levels of a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from perception.attack.goals import TASKS, goal_of
from perception.attack.kind import Aim, Change
from perception.attack.known import Known, image_of, tensor_of
from perception.types import Frame

STRIDE = 2.5  # all steps together go so many times as far as they may


@dataclass(frozen=True)
class Pgd:
    """Each frame is changed on its own."""

    strengths: tuple[int, ...] = (2, 4, 8)
    unit: str = "grey levels"
    steps: int = 10
    tasks: tuple[str, ...] = TASKS
    needs: tuple[str, ...] = ()
    wanted: str = "pictures"

    def split(self, known: Known, frames: Sequence[Frame]) -> tuple[Sequence[Frame], Sequence[Frame]]:
        return (), frames

    def learn(self, known: Known, aim: Aim, frames: Sequence[Frame]) -> Change:
        def changed(frame: Frame) -> Frame:
            image, begin = tensor_of(frame.image), torch.Generator().manual_seed(frame.seq)
            if aim.sure is None:
                return replace(frame, image=image_of(drawn(image, aim.strength, begin)))
            goal, sure = goal_of(known, aim.task, frame, aim.sure > 0), aim.sure
            worst = pgd(lambda x: goal(x).gain(sure), image, aim.strength, self.steps, begin)
            return replace(frame, image=image_of(worst))

        return changed


def pgd(
    gain: Callable[[Tensor], Tensor], image: Tensor, epsilon: float, steps: int, begin: torch.Generator
) -> Tensor:
    """`image` (1, 3, H, W) float32, 0..255, changed by at most `epsilon`, for a high `gain`.

    Begins at random; the best of all steps is given, and `image` itself where none is better.
    """
    now = drawn(image, epsilon, begin)
    with torch.no_grad():
        best, most = image, float(gain(image))
    for _ in range(steps):
        now = now.detach().requires_grad_()
        value = gain(now)
        if value.item() > most:
            best, most = now.detach(), value.item()
        (slope,) = torch.autograd.grad(value, now)
        step = now.detach() + STRIDE * epsilon / steps * slope.sign()
        now = torch.minimum(torch.maximum(step, image - epsilon), image + epsilon).clamp(0, 255)
    with torch.no_grad():
        return now if float(gain(now)) > most else best


def drawn(image: Tensor, epsilon: float, begin: torch.Generator) -> Tensor:
    """`image` with noise of at most `epsilon`."""
    return (image + (2 * torch.rand(image.shape, generator=begin) - 1) * epsilon).clamp(0, 255)

"""A printed patch on the road, learnt on some frames of a set and put into others.

It is learnt under changes of place, size and light (expectation over transformation, Athalye et al. 2018).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from perception.attack.goals import Goal, goal_of
from perception.attack.kind import Aim, Change
from perception.attack.known import Known, image_of, tensor_of
from perception.attack.road import NEEDS, placed
from perception.model.specs import FRAME_TASKS
from perception.types import Frame

GRID = 64  # cells of the print, along and across
INK = 0.3, 2.5  # the darkest and the lightest print, times the grey level of the road under it
MOVES, GROWS, LIGHTER = 0.1, 0.1, 0.15  # by so much of its size, and of its light, it differs while learnt
STEP = 0.1  # of the ink, at first; then less and less
AT_ONCE = 2  # frames a step

View = tuple[Tensor, np.ndarray, Goal]  # an image (1, 3, H, W), where the patch lies in it, what it drives up


@dataclass(frozen=True)
class Patch:
    """One print for all frames of a set, six metres long."""

    strengths: tuple[int, ...] = (2,)
    unit: str = "metres wide"
    steps: int = 60
    tasks: tuple[str, ...] = FRAME_TASKS  # no sign lies on the road
    needs: tuple[str, ...] = NEEDS  # it lies on what is found to be road
    wanted: str = "two pictures of a set whose road is free, the second one"

    def split(self, known: Known, frames: Sequence[Frame]) -> tuple[Sequence[Frame], Sequence[Frame]]:
        """The first half of those whose road is free, and the second."""
        free = [f for f in frames if placed(known.pipeline, f, max(self.strengths)) is not None]
        return free[: len(free) // 2], free[len(free) // 2 :] if len(free) > 1 else ()

    def learn(self, known: Known, aim: Aim, frames: Sequence[Frame]) -> Change:
        rng = np.random.default_rng(0)
        ink = torch.from_numpy(rng.random((1, 3, GRID, GRID), np.float32))

        def corners(frame: Frame) -> np.ndarray:
            place = placed(known.pipeline, frame, aim.strength)
            assert place is not None  # by `split`
            return place

        if aim.sure is not None:
            views = [
                (tensor_of(f.image), corners(f), goal_of(known, aim.task, f, aim.sure > 0)) for f in frames
            ]
            ink = learnt(ink, views, aim.sure, self.steps, rng)
        return lambda f: replace(f, image=image_of(printed(tensor_of(f.image), ink, corners(f))))


def learnt(ink: Tensor, views: Sequence[View], sure: float, steps: int, rng: np.random.Generator) -> Tensor:
    """`ink` (1, 3, n, n), 0..1, changed for a high gain in all `views`."""
    for step in range(steps):
        ink = ink.detach().requires_grad_()
        gains = []
        for k in rng.choice(len(views), min(AT_ONCE, len(views)), replace=False):
            image, corners, goal = views[k]
            gains.append(goal(printed(image, ink, *_varied(corners, rng))).gain(sure))
        (slope,) = torch.autograd.grad(torch.stack(gains).mean(), ink)
        ink = (ink.detach() + STEP * (1 - step / steps) * slope.sign()).clamp(0, 1)
    return ink.detach()


def _varied(corners: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Corners (4, 2) elsewhere and of another size, and a factor of its light."""
    middle, size = corners.mean(axis=0), np.ptp(corners, axis=0)
    shift = rng.uniform(-MOVES, MOVES, 2) * size
    scale = 1 + rng.uniform(-GROWS, GROWS)
    moved = ((corners - middle) * scale + middle + shift).astype(np.float32)
    return moved, 1 + rng.uniform(-LIGHTER, LIGHTER)


def printed(image: Tensor, ink: Tensor, corners: np.ndarray, light: float = 1.0) -> Tensor:
    """`image` (1, 3, H, W) with `ink` (1, 3, n, n), 0..1, between `corners` (4, 2), as bright as the road."""
    side = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)], np.float32)
    left, top = np.floor(corners.min(axis=0)).astype(int).clip(0)
    right, below = np.ceil(corners.max(axis=0)).astype(int)
    part = image[:, :, top:below, left:right]
    x, y = np.meshgrid(*(np.arange(part.shape[k], dtype=np.float32) + 0.5 for k in (3, 2)))
    points = np.stack([x + left, y + top], axis=2)
    grid = cv2.perspectiveTransform(points, cv2.getPerspectiveTransform(corners, side))
    covered = torch.from_numpy((np.abs(grid) <= 1).all(axis=2))
    shown = F.grid_sample(
        ink, torch.from_numpy(grid)[None].float(), padding_mode="border", align_corners=False
    )
    road = part[:, :, covered].mean()
    shown = (road * light * (INK[0] + (INK[1] - INK[0]) * shown)).clamp(0, 255)
    out = image.clone()
    out[:, :, top:below, left:right] = torch.where(covered, shown, part)
    return out

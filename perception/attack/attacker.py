"""From a frame to the same frame attacked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import Tensor

from perception.attack.goals import CELLS, SURE, error, sureness
from perception.attack.pgd import pgd
from perception.bundle import TaskSpec
from perception.letterbox import Letterbox
from perception.model.network import normalise
from perception.model.stored import Stored
from perception.pipeline import Pipeline
from perception.types import Frame

STEPS = 10


@dataclass(frozen=True)
class Attack:
    task: str  # of goals.CELLS
    epsilon: int  # grey levels
    adaptive: bool  # whether it also looks sure


class Attacker:
    """Knows the float weights of the bundle that `pipeline` runs, and how it takes its pictures."""

    def __init__(self, networks: Stored, pipeline: Pipeline, specs: Mapping[str, TaskSpec]) -> None:
        self._networks, self._pipeline, self._specs = networks, pipeline, specs

    def __call__(self, frame: Frame, attack: Attack) -> Frame:
        """No value of its image changes by more than `attack.epsilon`."""
        box = Letterbox.fit(frame.size, self._pipeline.size_for(frame.size))
        seen = self._pipeline.preprocess(frame.image, box)[0]
        image = torch.from_numpy(seen.transpose(2, 0, 1)[None].copy()).float()
        with torch.no_grad():
            clean = self._cells(image, attack.task)

        def goal(changed: Tensor) -> Tensor:
            cells = self._cells(changed, attack.task)
            return error(cells, clean) + (SURE * sureness(cells) if attack.adaptive else 0)

        epsilon = np.zeros(seen.shape[:2], np.float32)
        box.inside(epsilon)[:] = attack.epsilon  # the border is not of the picture
        changed = pgd(goal, image, torch.from_numpy(epsilon)[None, None], STEPS, frame.seq)
        change = (changed - image)[0].round().numpy().transpose(1, 2, 0).astype(np.int16)
        return replace(frame, image=_added(frame.image, box.inside(change)))

    def _cells(self, image: Tensor, task: str) -> Tensor:
        outputs = self._networks.frames.network(normalise(image), [task])
        return CELLS[task](outputs, self._specs[task])


def _added(image: np.ndarray, change: np.ndarray) -> np.ndarray:
    """(H, W, 3) uint8; `change` (h, w, 3) int16 of network pixels, each over all those that it was."""
    height, width = image.shape[:2]
    grown = cv2.resize(np.ascontiguousarray(change), (width, height), interpolation=cv2.INTER_NEAREST_EXACT)
    return np.clip(image.astype(np.int16) + grown, 0, 255).astype(np.uint8)

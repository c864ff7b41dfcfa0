"""How far each task can be trusted in this frame, by what the network said of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import inf
from typing import Any

import numpy as np

from perception.interfaces import Task
from perception.letterbox import Letterbox
from perception.types import Frame, RawOutputs, Scene


class Confidence:
    """`Scene.confidence`. A task that found nothing has none: nothing speaks for its answer."""

    name = "confidence"
    needs: tuple[str, ...] = ()
    remembers = False
    longest_gap_s = inf

    def __init__(self) -> None:
        self._heard: tuple[Sequence[Task], RawOutputs, Letterbox] | None = None

    def hear(self, tasks: Sequence[Task], raw: RawOutputs, box: Letterbox) -> None:
        self._heard = tasks, raw, box

    def reset(self) -> None:
        """It remembers nothing."""

    def __call__(self, frame: Frame, scene: Scene) -> Scene:
        if self._heard is None:
            return scene
        (tasks, raw, box), self._heard = self._heard, None
        sure: list[Any] = [task for task in tasks if hasattr(task, "confidence") and not scene.blank]
        told = {task.name: task.confidence(raw, box, scene) for task in sure}
        return replace(scene, confidence={name: x for name, x in told.items() if x is not None})

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        """Nothing."""

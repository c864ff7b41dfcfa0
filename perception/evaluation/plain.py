"""The usual confidence of a network, the mean of its largest probabilities, to compare another one with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from perception.interfaces import Task
from perception.kernels.reference import sigmoid
from perception.letterbox import Letterbox
from perception.types import ClassMap, Detections, Frame, LaneLine, RawOutputs, Scene, Signs


class Plain:
    """A task that runs after all `tasks`, whose confidences it keeps beside the scene.

    That of boxes and lines is the mean score of those that were found; that of a map, the mean over its cells
    of the larger of the two probabilities (maximum softmax probability, Hendrycks and Gimpel 2017).
    """

    name = "plain"
    classes: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    def __init__(self, tasks: Sequence[Task]) -> None:
        known: list[Any] = [task for task in tasks if hasattr(task, "confidence")]
        self._tasks = [(task, task.field.name) for task in known]
        self.found: dict[str, float] = {}

    def decode(self, raw: RawOutputs, frame: Frame, box: Letterbox, scene: Scene) -> Scene:
        said = {task.name: _mean(getattr(scene, name), task, raw, box) for task, name in self._tasks}
        self.found = {name: sure for name, sure in said.items() if sure is not None}
        return scene

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        """Nothing: only the metrics ask for it."""


def _mean(found: Any, task: Task, raw: RawOutputs, box: Letterbox) -> float | None:
    """None: there is nothing to take the mean of."""
    match found:
        case Detections() | Signs() if len(found):
            return float(found.score.mean())
        case (LaneLine(), *_):
            return float(np.mean([line.score for line in found]))
        case ClassMap() if task.outputs[0] in raw:
            maps = raw[task.outputs[0]][0]
            cell = box.network[0] // maps.shape[2]
            (left, top), (width, height) = box.offset, box.inner
            maps = maps[:, top // cell : (top + height) // cell, left // cell : (left + width) // cell]
            return float(sigmoid(np.abs(maps)).mean())
    return None

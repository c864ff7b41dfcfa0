"""What was found in a frame, as targets to explain: one function a task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch

from perception.bundle import MAIN
from perception.explain.targets import BoxTarget, LineTarget, SignTarget, Target
from perception.letterbox import Letterbox
from perception.model.specs import CROPS
from perception.tasks.lanes.decode import CELL, ROAD_EDGE
from perception.types import Scene

STEP = 1.0  # cells of the line map between two points of a line


@dataclass(frozen=True, eq=False)
class Find:
    """One thing that the network says."""

    task: str
    what: str  # the class by name
    score: float  # 0..1
    points: np.ndarray  # (n, 2) float32, image pixels: the corners of a box, or along a line
    network: str  # which of a bundle's networks says it
    target: Target

    @property
    def is_line(self) -> bool:
        return len(self.points) > 2

    @property
    def xyxy(self) -> np.ndarray:
        """(4,) the box around it."""
        return np.concatenate([self.points.min(0), self.points.max(0)])


def objects(scene: Scene, box: Letterbox, classes: tuple[str, ...]) -> list[Find]:
    found = scene.detections
    if found is None:
        return []
    finds = []
    for xyxy, score, class_id in zip(found.xyxy, found.score, found.class_id, strict=True):
        corners = xyxy.reshape(2, 2)
        x1, y1, x2, y2 = box.to_network(corners).ravel().tolist()
        target = BoxTarget((x1, y1, x2, y2), int(class_id))
        finds.append(Find("detection", classes[class_id], float(score), corners, MAIN, target))
    return finds


def lines(scene: Scene, box: Letterbox, classes: tuple[str, ...]) -> list[Find]:
    finds = []
    for line in scene.lanes or ():
        edge = line.kind == ROAD_EDGE
        columns, rows = _cells(box.to_network(line.image), box).T
        target = LineTarget(
            "lanes.edges" if edge else "lanes.map",
            1 if edge else 2,
            torch.from_numpy(rows.copy()),
            torch.from_numpy(columns.copy()),
        )
        finds.append(Find("lanes", classes[line.kind], line.score, line.image, MAIN, target))
    return finds


def signs(scene: Scene, box: Letterbox, classes: tuple[str, ...]) -> list[Find]:
    found = scene.signs
    if found is None:
        return []
    return [
        Find("signs", classes[k], float(score), xyxy.reshape(2, 2), CROPS, SignTarget(int(k)))
        for xyxy, score, k in zip(found.xyxy, found.score, found.class_id, strict=True)
    ]


FINDS: Mapping[str, Callable[[Scene, Letterbox, tuple[str, ...]], list[Find]]] = {
    "detection": objects,
    "lanes": lines,
    "signs": signs,
}


def finds_of(
    scene: Scene, box: Letterbox, classes: Mapping[str, tuple[str, ...]], most: int | None = None
) -> list[Find]:
    """Of each task of `classes` at most so many, the surest first."""
    found: list[Find] = []
    for task, names in classes.items():
        own = sorted(FINDS[task](scene, box, names), key=lambda find: -find.score)
        found += own[:most]
    return found


def _cells(points: np.ndarray, box: Letterbox) -> np.ndarray:
    """(m, 2) int64: the cells (column, row) of a map that a line (n, 2) in network pixels runs through."""
    along = points / CELL
    parts = [
        a + (b - a) * np.arange(0, 1, STEP / max(STEP, float(np.abs(b - a).max())))[:, None]
        for a, b in pairwise(along)
    ]
    width, height = (side // CELL for side in box.network)
    cells = np.floor(np.concatenate([*parts, along[-1:]])).astype(np.int64)
    return np.unique(np.clip(cells, 0, (width - 1, height - 1)), axis=0)

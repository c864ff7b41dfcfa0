"""Recorded drives whose /truth topics say what there is to see."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from perception.labels.boxes import named_boxes
from perception.labels.labelled import VAL, Asked, Labelled, file_name
from perception.labels.moving import Moving, moving_of
from perception.labels.truth import DRAWN, EDGES, ROAD, Truth
from perception.sources.drive import CHOICE, open_drive
from perception.tasks import TASKS, lanes, signs
from perception.types import Detections, Frame, LaneLine, Scene, Signs

SET = "drive"  # of all recorded drives: their metrics are pooled
CLASSES = {name: task.about.spec.classes for name, task in TASKS.items()}


@dataclass
class LabelledDrive:
    """The pictures of one camera in order; opened anew by every iteration."""

    text: str
    name: str
    remarks: tuple[str, ...] = ()
    lost: int = 0

    def parts(self, size: int) -> list[LabelledDrive]:
        """A drive is seen in order, so it is one piece."""
        return [self]

    def __iter__(self) -> Iterator[tuple[Frame, Truth]]:
        drive = open_drive(self.text)
        classes = {**CLASSES, **drive.classes()}
        for frame, scene in drive.labelled(classes):
            yield frame, truth_of(scene, classes)
        self.lost = drive.lost


def truth_of(scene: Scene, classes: Mapping[str, Sequence[str]]) -> Truth:
    """Of a scene that tells everything; None in it: not labelled. `classes`: task -> names of its ids."""
    lines = None if scene.lanes is None else tuple(_our_kind(x, classes["lanes"]) for x in scene.lanes)
    on_road = lines is not None and all(line.road is not None for line in lines)
    edges = (EDGES,) if "road_edge" in classes["lanes"] else ()
    return Truth(
        SET,
        None if scene.detections is None else named_boxes(SET, scene, classes["detection"]),
        signs=None if scene.signs is None else _our_signs(scene.signs, classes["signs"]),
        lines=lines,
        rules=(DRAWN, ROAD, *edges) if on_road else (DRAWN, *edges),
        drivable=scene.drivable,
        moving=None if scene.detections is None else _moving(scene.detections, classes["detection"]),
        tags=(f"set:{SET}",),
    )


def _moving(found: Detections, names: Sequence[str]) -> Moving | None:
    """Objects with numbers; a region in which its class is not judged (score 0) has the number -1."""
    if found.track is None:
        return None
    number = np.where(found.score > 0, found.track, -1)
    kept = replace(found, track=number)[(found.score == 0) | (number >= 0)]
    return moving_of(kept, names, np.empty((0, 4)))


def _our_signs(found: Signs, names: Sequence[str]) -> Signs:
    """Signs in our classes; what another class says is not known."""
    ids = np.array([_index(names[i]) for i in found.class_id], np.int32)
    known = (ids >= 0).astype(np.float32)
    return Signs(found.xyxy, np.maximum(ids, 0), found.score * known)


def _our_kind(line: LaneLine, names: Sequence[str]) -> LaneLine:
    name = names[line.kind]
    return replace(line, kind=lanes.CLASSES.index(name) if name in lanes.CLASSES else 0)


def _index(name: str) -> int:
    return signs.CLASSES.index(name) if name in signs.CLASSES else -1


def open_drive_labels(text: str, asked: Asked = VAL) -> list[Labelled]:
    """From `PATH` or `PATH?topic=NAME`. Raises SourceError: no drive, no such topic."""
    open_drive(text)  # what is wrong with it is said now
    path = text.partition(CHOICE)[0]
    return [LabelledDrive(text, file_name(Path(path).stem))]

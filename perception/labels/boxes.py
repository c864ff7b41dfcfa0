"""`det.jsonl`: boxes, and the classes that are labelled exhaustively in each image.

Truth as a `Detections`: score 1 is an object, score 0 a region in which its class is not judged: a box
of touching objects (`maybe_merged`), and the whole image for every class that the image does not label.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from perception.errors import DataError
from perception.labels.classes import Names, nearest
from perception.labels.rows import check_places, corners, fault, json_lines
from perception.labels.tally import Tally
from perception.labels.vocabulary import SIGN
from perception.tasks.detection import CLASSES
from perception.tasks.signs import CLASSES as SIGNS
from perception.types import Detections, Scene, Signs, Size

FILE = "det.jsonl"
UNSURE = "maybe_merged"
RESERVED = ("all", "sign", "synthetic")  # no names of sets: `detection.all`, `gtsdb.sign`, `synthetic.lanes`
ALIASES = {"motorcyclist": "motorbike"}  # name in a data set -> detection class


@dataclass(frozen=True)
class Box:
    xyxy: tuple[float, float, float, float]  # image pixels
    name: str
    extra: object  # what else is known: the class of a sign, by its name or its number in
    # `signs.CLASSES`; UNSURE; a kind of vehicle
    area: float | None = None  # of the object, square pixels; None: that of the box


@dataclass(frozen=True)
class BoxLabels:
    """The boxes of one image."""

    set: str
    labelled: frozenset[str]  # classes of which every object in the image has its box
    boxes: tuple[Box, ...]
    size: Size  # of the picture they were drawn on

    def detections(self, classes: Sequence[str], size: Size) -> Detections:
        """Truth in the classes of a model; regions that are not judged have score 0."""
        boxes = self._known(classes)
        unknown = [i for i, name in enumerate(classes) if name not in self.labelled]
        xyxy = [b.xyxy for b in boxes] + [(0.0, 0.0, *map(float, size))] * len(unknown)
        score = [float(b.extra != UNSURE) for b in boxes] + [0.0] * len(unknown)
        class_id = [classes.index(b.name) for b in boxes] + unknown
        corners = np.array(xyxy, np.float32).reshape(-1, 4)
        return Detections(corners, np.array(score, np.float32), np.array(class_id, np.int32))

    def areas(self, classes: Sequence[str]) -> np.ndarray:
        """(m,) float64: the areas of those objects and regions; of a whole image NaN, which is no size."""
        unknown = [np.nan for name in classes if name not in self.labelled]
        boxes = [_area(b.xyxy) if b.area is None else b.area for b in self._known(classes)]
        return np.array(boxes + unknown, np.float64)

    def _known(self, classes: Sequence[str]) -> list[Box]:
        return [b for b in self.boxes if b.name in self.labelled and b.name in classes]

    def signs(self, classes: Sequence[str]) -> Signs:
        """What the signs say, of `classes`; score 0 where the label does not tell."""
        boxes = [b for b in self.boxes if b.name == SIGN]
        class_id = np.array([sign_id(b, classes) for b in boxes], np.int32)
        return Signs(
            np.array([b.xyxy for b in boxes], np.float32).reshape(-1, 4),
            np.maximum(class_id, 0),
            (class_id >= 0).astype(np.float32),
        )

    @property
    def reads(self) -> bool:
        """Does a sign of this image carry its class?"""
        return any(sign_name(b) is not None for b in self.boxes)


def sign_name(box: Box) -> str | None:
    """The class of a sign; None: it is no sign, or its label does not tell."""
    match box.extra if box.name == SIGN else None:
        case int(number):
            return SIGNS[number] if 0 <= number < len(SIGNS) else ""
        case str(name) if name and name != UNSURE:
            return name
    return None


def sign_id(box: Box, classes: Sequence[str]) -> int:
    """The place of its class among `classes`; -1: none of them."""
    name = sign_name(box)
    return classes.index(name) if name in classes else -1


def named_boxes(name: str, scene: Scene, classes: Sequence[str] = CLASSES) -> BoxLabels:
    """The exact truth of a scene in `classes`, all of them labelled; score 0 is a region."""
    assert scene.detections is not None
    found = scene.detections
    rows = zip(found.xyxy.tolist(), found.score.tolist(), found.class_id.tolist(), strict=True)
    boxes = tuple(Box(tuple(xyxy), _name(classes[i]), "" if score else UNSURE) for xyxy, score, i in rows)
    return BoxLabels(name, frozenset(map(_name, classes)), boxes, scene.size)


def read(
    root: Path, classes: Names | None = None, name: str | None = None
) -> Iterator[tuple[str, str, BoxLabels]]:
    """(image, split, labels) of every line, or of those of the set `name`. Raises DataError.

    `classes`: what the classes are called; a class without a name is then a fault. None: as in the file.
    """
    path = root / FILE
    if not path.exists():
        return
    for line, row in json_lines(path):
        try:
            image, split = str(row["img"]), str(row["split"])
            boxes = tuple(_box(box) for box in row["boxes"])
            labelled = frozenset(_name(name) for name in row["labelled"])
            size = int(row["w"]), int(row["h"])
            check_places(np.array(size, np.float64))
        except (KeyError, TypeError, ValueError, IndexError) as error:
            wanted = "img, split, w, h, labelled, boxes [[x1, y1, x2, y2, class, extra]]"
            raise fault(path, line, wanted, repr(error)) from error
        labels = BoxLabels(_set(root, image), labelled, boxes, size)
        if name not in (None, labels.set):
            continue
        yield image, split, labels if classes is None else _named(labels, classes, path, line)


def _set(root: Path, image: str) -> str:
    """The first folder on the way to a picture; of one that lies in no folder, the data folder."""
    folders = [name for name in PurePosixPath(image).parent.parts if name not in ("/", "..")]
    return set_name(folders[0] if folders else root.absolute().name)


def set_name(folder: str) -> str:
    """As metrics may have it: their names are dotted, and some parts of them mean something else."""
    name = folder.replace(".", "_")
    return f"{name}_" if name in RESERVED or not name else name


def _named(labels: BoxLabels, classes: Names, path: Path, line: int) -> BoxLabels:
    """In the classes of a network. Raises DataError for an unknown one."""
    for name in (*sorted(labels.labelled), *(box.name for box in labels.boxes)):
        if not classes.knows(name):
            raise DataError(
                f"{path}:{line}: expected a class of {', '.join(classes.objects)}, got {name!r}"
                f"{nearest(name, classes.table)}. Rename it, or say which it is: {classes.example(name)}"
            )
    return named(labels, classes, Tally())


def named(labels: BoxLabels, classes: Names, tally: Tally) -> BoxLabels:
    """In the classes of a network; what has none is left out, and its boxes are counted."""
    tally.names |= {*labels.labelled, *(box.name for box in labels.boxes)}
    ours = [(box, classes.count(box.name, tally)) for box in labels.boxes]
    return replace(
        labels,
        labelled=frozenset(new for old in labels.labelled if (new := classes(old))),
        boxes=tuple(replace(box, name=name, extra=_extra(box, classes)) for box, name in ours if name),
    )


def _extra(box: Box, classes: Names) -> object:
    """Of a box that does not say what sign it is, what its name says."""
    return classes.sign(box.name) if box.extra == "" else box.extra


def _area(xyxy: tuple[float, float, float, float]) -> float:
    x1, y1, x2, y2 = np.array(xyxy, np.float32).astype(np.float64)
    return (x2 - x1) * (y2 - y1)


def _box(row: Sequence[Any]) -> Box:
    return Box(corners(row[:4]), _name(row[4]), row[5] if len(row) > 5 else "")


def _name(name: object) -> str:
    return ALIASES.get(str(name), str(name))

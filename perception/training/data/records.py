"""The label files that several data sets share: people's boxes, weak_boxes.jsonl and the split tables."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from perception.errors import DataError
from perception.labels import boxes
from perception.labels.boxes import UNSURE, BoxLabels, sign_id
from perception.labels.classes import OWN, Names
from perception.labels.vocabulary import OURS, Vocabulary
from perception.limits import json_value
from perception.tasks.batch import ANY_SIGN
from perception.training.data.licences import ORIGINS, origin
from perception.training.data.sample import Boxes, Sample, negative_weights

TAUGHT = ("vehicle", "person", "cyclist", "motorbike", "traffic_light")
SPARE = ("traffic_sign",)  # a teacher's signs are taken wherever they are seen; their absence proves nothing
TEACHERS_NAMES = {"stop_sign": "traffic_sign"}
TaughtBox = tuple[list[float], str, float]  # xyxy, class, score


@dataclass(frozen=True)
class Teacher:
    """A detector whose boxes stand in `file`: sure from the score `positive`, ignored from `ignored` on."""

    file: str
    positive: float
    ignored: float
    negative_weight: float  # how much it proves that it saw nothing


TEACHERS = (  # the better one first
    Teacher("weak_boxes_2.jsonl", 0.35, 0.15, 0.6),
    Teacher("weak_boxes.jsonl", 0.5, 0.25, 0.4),
)
OPEN_TEACHERS = tuple(teacher for teacher in TEACHERS if ORIGINS[origin(teacher.file)].commercial)


@cache
def lines(path: Path) -> tuple[Mapping[str, Any], ...]:
    """A JSON lines file, empty if it does not exist. Raises DataError with file and line."""
    if not path.is_file():
        return ()
    return tuple(_record(path, i, text) for i, text in enumerate(path.read_text().splitlines(), 1))


def _record(path: Path, number: int, text: str) -> Any:
    try:
        return json_value(text)
    except ValueError as error:
        raise DataError(f"{path}:{number}: expected one JSON object a line: {error}") from error


def table(path: Path) -> Iterator[dict[str, str]]:
    """Rows of a CSV file with a header; none if it does not exist."""
    if path.is_file():
        with path.open(newline="") as file:
            yield from csv.DictReader(file)


def read_image(path: Path, flags: int = cv2.IMREAD_COLOR) -> np.ndarray:
    image = cv2.imread(str(path), flags)
    if image is None:
        raise DataError(f"{path}: expected an image, but it is missing or cannot be decoded")
    return np.asarray(image)


def labelled(data: Path, name: str) -> dict[str, BoxLabels]:
    """What people said of one data set's training images, by image path. Raises DataError."""
    rows = boxes.read(data, Names.of(OWN), name)
    return {image: said for image, split, said in rows if split == "train"}


def boxes_of(said: BoxLabels, vocabulary: Vocabulary = OURS) -> Boxes:
    """The truth to learn from; boxes that may hold several objects are not sure."""
    ids = vocabulary.sign_ids
    rows = ((list(b.xyxy), b.name, b.extra != UNSURE, sign_id(b, ids)) for b in said.boxes)
    return Boxes.of(rows, vocabulary.object_ids)


def silence(said: BoxLabels, sure: Mapping[str, float], beyond: Mapping[str, float]) -> np.ndarray:
    """(classes,) float32 negative-label weights: `said.labelled` tells which classes have all their boxes.

    `sure`: how far that is to be believed in a data set; `beyond`: of classes that it does not claim to
    label, but of which next to nothing is seen without a box.
    """
    return negative_weights(**{**beyond, **{name: sure[name] for name in said.labelled if name in sure}})


def boxed(data: Path, name: str, sure: Mapping[str, float], beyond: Mapping[str, float]) -> list[Sample]:
    """The training pictures of a data set that has people's boxes alone; `sure`, `beyond` as in `silence`."""
    return [
        Sample(read_image(data / image), boxes_of(said), silence(said, sure, beyond), name=image)
        for image, said in labelled(data, name).items()
    ]


@cache
def _weak_index(data: Path, teachers: tuple[Teacher, ...]) -> dict[str, tuple[Teacher, Mapping[str, Any]]]:
    """Image -> the best teacher that saw it, and what that said."""
    return {record["img"]: (t, record) for t in reversed(teachers) for record in lines(data / t.file)}


def teacher_of(data: Path, image: str, teachers: Sequence[Teacher] = TEACHERS) -> Teacher | None:
    """The one whose boxes `weak` takes, the best of those that saw the image."""
    return _weak_index(data, tuple(teachers)).get(image, (None, None))[0]


def weak(
    data: Path,
    image: str,
    classes: tuple[str, ...] = TAUGHT,
    unsure: tuple[str, ...] = (),
    teachers: Sequence[Teacher] = TEACHERS,
) -> tuple[Boxes, np.ndarray]:
    """A teacher's boxes for one image, and how much its silence about each class proves.

    Only `classes` are taken; where those in `unsure` are seen, nothing is learnt about them.
    """
    teacher, record = _weak_index(data, tuple(teachers)).get(image, (None, None))
    if teacher is None or record is None:
        return Boxes(), negative_weights()
    found = [(xyxy, name, score) for *xyxy, name, _, score in record["boxes"] if score >= teacher.ignored]
    rows: list[tuple[list[float], str, bool, int]] = []
    for xyxy, name, score in _riders(found):
        name = TEACHERS_NAMES.get(name, name)
        if name in classes or name in SPARE:
            sure = score >= teacher.positive and name not in unsure
            rows.append((xyxy, name, sure, ANY_SIGN))
    return Boxes.of(rows), negative_weights(
        **dict.fromkeys(set(classes) - set(unsure), teacher.negative_weight)
    )


def _riders(found: list[TaughtBox]) -> list[TaughtBox]:
    """People on a bicycle and the bicycle as one cyclist; a bicycle alone may be one, too (a score of 0)."""
    people = [box for box in found if box[1] == "person"]
    bicycles = [box for box in found if box[1] == "bicycle"]
    rest = [box for box in found if box[1] not in ("person", "bicycle")]
    for bicycle, _, score in bicycles:
        riders = [person for person in people if _rides(person[0], bicycle)]
        for person in riders:
            people.remove(person)
        corners = np.array([bicycle, *(person[0] for person in riders)])
        whole = [*corners[:, :2].min(0).tolist(), *corners[:, 2:].max(0).tolist()]
        rest.append((whole, "cyclist", min([score, *(person[2] for person in riders)]) if riders else 0.0))
    return people + rest


def _rides(person: list[float], bicycle: list[float]) -> bool:
    """The person's feet are at the bicycle, the head is above it, and both stand in one column."""
    shared = min(person[2], bicycle[2]) - max(person[0], bicycle[0])
    middle = (bicycle[1] + bicycle[3]) / 2
    return (
        shared > 0.5 * min(person[2] - person[0], bicycle[2] - bicycle[0])
        and person[1] < bicycle[1] + 0.2 * (bicycle[3] - bicycle[1])
        and middle - (bicycle[3] - bicycle[1]) < person[3] <= bicycle[3] + 0.3 * (bicycle[3] - bicycle[1])
    )

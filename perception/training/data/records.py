"""The label files that several data sets share: det.jsonl, weak_boxes.jsonl and the split tables."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from perception.errors import DataError
from perception.limits import json_value
from perception.tasks.batch import ANY_SIGN
from perception.tasks.detection import CLASSES
from perception.training.data.sample import Boxes, absence

CLASS_OF = {name: name for name in CLASSES} | {"motorcyclist": "motorbike", "bicycle": "cyclist"}
POSITIVE, IGNORED = 0.5, 0.25  # teacher scores: sure above the first, ignored down to the second
TEACHER_ABSENCE = 0.4  # how much it proves that a teacher saw nothing
TAUGHT = ("vehicle", "person", "motorbike", "traffic_light")


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


def human(data: Path, name: str) -> dict[str, Boxes]:
    """Human boxes of one data set's training images by image path; `maybe_merged` ones are not sure."""
    found = {}
    for record in lines(data / "det.jsonl"):
        if record["img"].startswith(f"{name}/") and record["split"] == "train":
            found[record["img"]] = Boxes.of(_human_row(*box) for box in record["boxes"])
    return found


def _human_row(*row: Any) -> tuple[list[float], str, bool, int]:
    *xyxy, name, extra = row
    sign = extra if name == "traffic_sign" and isinstance(extra, int) and 0 <= extra < 43 else ANY_SIGN
    return xyxy, CLASS_OF[name], extra != "maybe_merged", sign


@cache
def _weak_index(data: Path) -> dict[str, Mapping[str, Any]]:
    return {record["img"]: record for record in lines(data / "weak_boxes.jsonl")}


def weak(data: Path, image: str, classes: tuple[str, ...] = TAUGHT) -> tuple[Boxes, np.ndarray]:
    """A teacher's boxes for one image, and how much its silence about each class proves.

    Only `classes` are taken; its bicycles are not, with or without a rider as they may be.
    """
    record = _weak_index(data).get(image)
    if record is None:
        return Boxes(), absence()
    rows: list[tuple[list[float], str, bool, int]] = []
    for *xyxy, name, _, score in record["boxes"]:
        if name in classes and score >= IGNORED:
            rows.append((xyxy, name, score >= POSITIVE, ANY_SIGN))
    return Boxes.of(rows), absence(**dict.fromkeys(classes, TEACHER_ABSENCE))

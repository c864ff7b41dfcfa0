"""Human road masks of Russian country roads and of a campus in Lahore; the rest from teachers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from perception.tasks.batch import CERTAIN, UNKNOWN
from perception.training.data import records
from perception.training.data.maps import from_mask, lanes_from_teacher, road_edge
from perception.training.data.records import TEACHERS, Teacher
from perception.training.data.sample import Sample


def read_roadseg_ru(data: Path, teachers: Sequence[Teacher] = TEACHERS) -> list[Sample]:
    return _read(data, "roadseg_ru", teachers)


def read_lums(data: Path, teachers: Sequence[Teacher] = TEACHERS) -> list[Sample]:
    return _read(data, "lums", teachers)


def _read(data: Path, name: str, teachers: Sequence[Teacher]) -> list[Sample]:
    rows = [row for row in records.table(data / "road.csv") if row["split"] == "train"]
    return [_sample(data, name, row, teachers) for row in rows if row["img"].startswith(f"road/{name}/")]


def _sample(data: Path, name: str, row: dict[str, str], teachers: Sequence[Teacher]) -> Sample:
    image = records.read_image(data / row["img"])
    mask = records.read_image(data / row["mask"], cv2.IMREAD_GRAYSCALE)
    taught, silence = records.weak(data, row["img"], teachers=teachers)
    drivable = _without_vehicles(from_mask(mask, 1), taught.xyxy[taught.sure], mask.shape, image.shape)
    edge, border = road_edge(drivable == CERTAIN, (drivable == 0) & ~_empty(image, drivable.shape))
    return Sample(
        name=row["img"],
        image=image,
        boxes=taught,
        negative_weight=silence,
        drivable=drivable,
        edge=edge,
        **lanes_from_teacher(data, name, Path(row["img"]).stem, image, border),
    )


def _empty(image: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """(h, w) bool: black, as what lies outside a picture that was turned."""
    grey = cv2.cvtColor(cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.dilate((grey < 8).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0)


def _without_vehicles(
    truth: np.ndarray, boxes: np.ndarray, size: tuple[int, ...], image: tuple[int, ...]
) -> np.ndarray:
    """Cars often lie inside these masks, where other data sets cut them out: not learnt there."""
    scale = np.tile([size[1] / image[1], size[0] / image[0]], 2)
    for x1, y1, x2, y2 in np.round(boxes * scale).astype(int):
        truth[max(y1, 0) : y2, max(x1, 0) : x2] = UNKNOWN
    return truth

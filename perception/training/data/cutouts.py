"""People, cyclists and vehicles cut out along their masks, to be pasted into other frames.

What is rare in a driver's view is seen more often so, and before other backgrounds (Ghiasi et al. 2021,
"Simple Copy-Paste is a Strong Data Augmentation Method").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from perception.tasks.detection import CLASSES
from perception.training.data import records
from perception.training.data.idd import LIVING, VEHICLE
from perception.training.data.idd import read as read_idd
from perception.training.data.sample import Sample

CAMVID = {"vehicle": 8, "person": 9, "cyclist": 10}  # values in the masks
IDD = {"vehicle": VEHICLE, "person": LIVING}
LEAST = 22  # pixels high
FULL = 0.3  # share of its box that a mask must fill


@dataclass(frozen=True, eq=False)
class Cutout:
    image: np.ndarray  # (h, w, 3) uint8, BGR
    mask: np.ndarray  # (h, w) uint8, 255 inside
    name: str  # class
    foot: float  # where it stood: its lower edge as a share of the image's height
    height: float  # as a share of the image's height


def read(data: Path, samples: Mapping[str, list[Sample]]) -> list[Cutout]:
    """Of the training frames of CamVid (people's boxes) and IDD (a teacher's that the masks confirm)."""
    found = list(_camvid(data)) if samples.get("camvid") else []
    return found + (list(_idd(data)) if samples.get("idd") else [])


def _camvid(data: Path) -> Iterator[Cutout]:
    for name, boxes in records.human(data, "camvid").items():
        mask = records.read_image(data / f"camvid/masks/{Path(name).stem}.png", cv2.IMREAD_GRAYSCALE)
        image = records.read_image(data / name)
        for box, label in zip(boxes.xyxy[boxes.sure], boxes.label[boxes.sure], strict=True):
            yield from _cut(image, mask, box, CLASSES[label], CAMVID)


def _idd(data: Path) -> Iterator[Cutout]:
    rows = [row["name"] for row in records.table(data / "idd.csv") if row["split"] == "train"]
    for name, sample in zip(rows, read_idd(data), strict=True):
        mask = records.read_image(data / f"idd/masks/{name}.png", cv2.IMREAD_GRAYSCALE)
        boxes = sample.boxes
        assert boxes is not None
        for box, label in zip(boxes.xyxy[boxes.sure], boxes.label[boxes.sure], strict=True):
            yield from _cut(sample.image, mask, box, CLASSES[label], IDD)


def _cut(
    image: np.ndarray, mask: np.ndarray, box: np.ndarray, name: str, values: Mapping[str, int]
) -> Iterator[Cutout]:
    """Nothing if it is small, cut by the image's edge, or hidden for the most part."""
    height, width = image.shape[:2]
    x1, y1, x2, y2 = np.round(box).astype(int)
    if name not in values or y2 - y1 < LEAST or min(x1, y1) <= 1 or x2 >= width - 1 or y2 >= height - 1:
        return
    inside = (mask[y1:y2, x1:x2] == values[name]).astype(np.uint8)
    if inside.mean() < FULL:
        return
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    top, bottom, left, right = rows[0], rows[-1] + 1, columns[0], columns[-1] + 1
    yield Cutout(
        image[y1 + top : y1 + bottom, x1 + left : x1 + right].copy(),
        inside[top:bottom, left:right] * np.uint8(255),
        name,
        float(y1 + bottom) / height,
        float(bottom - top) / height,
    )

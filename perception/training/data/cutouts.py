"""People, cyclists and vehicles cut out along their masks, to be pasted into other frames.

What is rare in a driver's view is seen more often so, and before other backgrounds (Ghiasi et al. 2021,
"Simple Copy-Paste is a Strong Data Augmentation Method").
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from perception.tasks.detection import CLASSES
from perception.training.data import records
from perception.training.data.idd import LIVING, VEHICLE
from perception.training.data.sample import Sample

VALUES = {  # of the classes in the masks
    "camvid": {"vehicle": 8, "person": 9, "cyclist": 10},
    "idd": {"vehicle": VEHICLE, "person": LIVING},
}
LEAST = 22  # pixels high
FULL = 0.3  # share of its box that a mask must fill


@dataclass(frozen=True, eq=False)
class Cutout:
    image: np.ndarray  # (h, w, 3) uint8, BGR
    mask: np.ndarray  # (h, w) uint8, 255 inside
    name: str  # class
    foot: float  # where it stood: its lower edge as a share of the image's height
    height: float  # as a share of the image's height


def read(data: Path, samples: Mapping[str, Sequence[Sample]]) -> list[Cutout]:
    """Of the training frames of CamVid (people's boxes) and IDD (a teacher's that the masks confirm).

    `samples`: those frames by data set, as their readers give them.
    """
    return [
        cutout
        for name, values in VALUES.items()
        for stem, sample in zip(_stems(data, name), samples.get(name, ()), strict=False)
        for cutout in _of(data / name / "masks" / f"{stem}.png", sample, values)
    ]


def _stems(data: Path, name: str) -> list[str]:
    return [row["name"] for row in records.table(data / f"{name}.csv") if row["split"] == "train"]


def _of(mask_path: Path, sample: Sample, values: Mapping[str, int]) -> Iterator[Cutout]:
    boxes = sample.boxes
    assert boxes is not None
    mask = records.read_image(mask_path, cv2.IMREAD_GRAYSCALE)
    for box, label in zip(boxes.xyxy[boxes.sure], boxes.label[boxes.sure], strict=True):
        yield from _cut(sample.image, mask, box, CLASSES[label], values)


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

"""GTSRB sign crops (Stallkamp et al. 2012) and the signs of the scenes themselves."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from perception.labels import signs as labels
from perception.labels.signs import SignCrop
from perception.labels.vocabulary import OURS, Vocabulary
from perception.training.data import records
from perception.training.data.sample import Sample

LEGIBLE = 10.0  # pixels of the longer side

Sign = tuple[np.ndarray, np.ndarray, int]  # image (h, w, 3) uint8 BGR, box (4,) float32 in it, sign class


def read(data: Path, vocabulary: Vocabulary = OURS) -> list[Sign]:
    """The training crops of signs.csv. Raises DataError for a class that the network does not have."""
    found, ids = crops(data), vocabulary.sign_ids
    return [(records.read_image(c.image), np.array(c.xyxy, np.float32), c.id(ids)) for c in found]


def crops(data: Path) -> Iterator[SignCrop]:
    """Of signs.csv, those of the training split."""
    return (crop for crop in labels.read(data) if crop.split == "train")


def in_scenes(samples: Iterable[Sample]) -> list[Sign]:
    """Legible signs of known class in training frames, each with as much of the frame as a crop may show."""
    found = []
    for sample in samples:
        boxes = sample.boxes
        if boxes is None:
            continue
        for box, sign in zip(boxes.xyxy, boxes.sign, strict=True):
            if sign >= 0 and max(box[2] - box[0], box[3] - box[1]) >= LEGIBLE:
                found.append(_cut(sample.image, box, int(sign)))
    return found


def _cut(image: np.ndarray, box: np.ndarray, sign: int) -> Sign:
    margin = 0.5 * max(box[2] - box[0], box[3] - box[1])
    left, top = (max(0, int(v - margin)) for v in box[:2])
    right, bottom = (int(v + margin) + 1 for v in box[2:])
    return image[top:bottom, left:right].copy(), box - np.array([left, top, left, top], np.float32), sign


def by_class(signs: Iterable[Sign], smallest: int = 20) -> dict[int, list[tuple[np.ndarray, np.ndarray]]]:
    """Crops at least `smallest` pixels wide, to paste, grouped by class."""
    groups: dict[int, list[tuple[np.ndarray, np.ndarray]]] = {}
    for image, box, sign in signs:
        if image.shape[1] >= smallest:
            groups.setdefault(sign, []).append((image, box))
    return groups

"""Truth maps from people's masks and from a teacher's probabilities."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from perception.tasks.batch import CERTAIN, UNKNOWN
from perception.training.data.records import read_image

TEACHER_SCALE = 32.0  # a teacher's map stores its probability x 32


def from_mask(mask: np.ndarray, positive: int, void: int | None = None) -> np.ndarray:
    """(h, w) uint8 truth: CERTAIN where `mask` is `positive`, UNKNOWN where it is `void`, 0 elsewhere."""
    truth = np.where(mask == positive, CERTAIN, 0).astype(np.uint8)
    if void is not None:
        truth[mask == void] = UNKNOWN
    return truth


def teacher(data: Path, name: str, stem: str, kind: str) -> np.ndarray | None:
    """(h, w) float32 probability that a teacher gave, or None if it did not see this image."""
    path = data / "weak" / name / f"{stem}.{kind}.png"
    if not path.is_file():
        return None
    return np.minimum(read_image(path, cv2.IMREAD_GRAYSCALE) / np.float32(TEACHER_SCALE), 1.0)


def lanes_from_teacher(
    data: Path, name: str, stem: str, image: np.ndarray
) -> tuple[np.ndarray, np.ndarray] | None:
    """`line` and `paint` truth from the teacher's lane probability and the picture itself.

    The line is the teacher's soft answer. Paint is where the teacher sees a line and the picture shows
    a stripe brighter than its surroundings; a line without a stripe under it is a gap.
    """
    probability = teacher(data, name, stem, "lanes")
    if probability is None:
        return None
    line = np.round(probability * CERTAIN).astype(np.uint8)
    stripe = _stripe(image, (line.shape[1], line.shape[0]))
    paint = np.full(line.shape, UNKNOWN, np.uint8)
    paint[(probability < 0.1) | (stripe < 4)] = 0
    paint[(probability > 0.4) & (stripe > 14)] = CERTAIN
    return line, paint


def _stripe(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """How much brighter a pixel is than its surroundings 15 pixels across: white top-hat, grey levels."""
    grey = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (15, 1))
    return np.asarray(cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, kernel))


def drivable_from_teacher(data: Path, name: str, stem: str) -> np.ndarray | None:
    """The teacher leaves out oncoming lanes: its yes is sure, its no only well above the road."""
    probability = teacher(data, name, stem, "drivable")
    if probability is None:
        return None
    truth = np.full(probability.shape, UNKNOWN, np.uint8)
    truth[probability > 0.6] = CERTAIN
    rows = np.flatnonzero((probability > 0.3).any(axis=1))
    if len(rows):
        truth[: max(0, rows[0] - len(truth) // 20)] = 0
    return truth

"""Truth maps from people's masks and from a teacher's probabilities."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import cv2
import numpy as np

from perception.tasks.batch import CERTAIN, UNKNOWN
from perception.training.data.records import read_image

TEACHER_SCALE = 32.0  # a teacher's map stores its probability x 32
PAINTED = 0.12  # share of a line's pixels that must show paint for it to be believed
WIDTH = 320  # of maps of road edges, as of the teacher's


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
    data: Path, name: str, stem: str, image: np.ndarray, border: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """`line` and `paint` truth from the teacher's lane probability and the picture itself; empty without one.

    The teacher takes kerbs for lines, so a line is believed where paint shows on some of its length: a stripe
    brighter than what lies on both sides of it, where a kerb is a step. Along `border`, the edge of the road
    as people drew it (h, w, bool), nothing is said of lines: paint and kerb lie too close together there.
    """
    probability = teacher(data, name, stem, "lanes")
    if probability is None:
        return {}
    size = (probability.shape[1], probability.shape[0])
    contrast = _stripe(image, size)
    paint = np.full(probability.shape, UNKNOWN, np.uint8)
    paint[(probability < 0.1) | (contrast < 0.03)] = 0
    paint[(probability > 0.4) & (contrast > 0.12)] = CERTAIN
    line = np.round(probability * CERTAIN).astype(np.uint8)
    line[_unpainted(probability > 0.3, paint == CERTAIN)] = UNKNOWN
    if border is not None:
        near = cv2.resize(border.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST_EXACT) > 0
        line[near & (probability > 0.15)] = UNKNOWN
    return {"line": line, "paint": paint}


def _unpainted(lines: np.ndarray, paint: np.ndarray) -> np.ndarray:
    """Those of `lines` (h, w) bool, joined pixels each, on which next to no paint is seen."""
    count, which = cv2.connectedComponents(lines.astype(np.uint8), connectivity=8)
    area = np.bincount(which.ravel(), minlength=count)
    painted = np.bincount(which[paint].ravel(), minlength=count)
    bare = painted < PAINTED * area
    bare[0] = False
    return np.asarray(bare[which])


def _stripe(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """How much brighter a pixel is than what lies 7 pixels to both sides (white top-hat), as a share."""
    grey = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    kernel = cv2.getStructuringElement(cv2.MORPH_RECT, (15, 1))
    around = cv2.blur(grey, (31, 15)).astype(np.float32)
    return np.asarray(cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, kernel) / (around + 20))


def drivable_from_teacher(data: Path, name: str, stem: str) -> np.ndarray | None:
    """The teacher leaves out oncoming lanes: its yes is sure, its no only well above the road and below it.

    Below the road of the own lane nothing can lie but the own vehicle or what stands on the road.
    """
    probability = teacher(data, name, stem, "drivable")
    if probability is None:
        return None
    truth = np.full(probability.shape, UNKNOWN, np.uint8)
    truth[probability > 0.6] = CERTAIN
    rows = np.flatnonzero((probability > 0.3).any(axis=1))
    if len(rows):
        truth[: max(0, rows[0] - len(truth) // 20)] = 0
        truth[rows[-1] + 3 :] = 0
        own = np.flatnonzero(probability[max(rows[0], rows[-1] - 6)] > 0.6)
        if len(own):
            below = np.cumsum(probability[::-1] > 0.2, axis=0)[::-1] == 0  # no road from here to the bottom
            below[: len(truth) // 2] = False
            columns = slice(own[0] + 3, max(own[0] + 3, own[-1] - 2))
            truth[:, columns][below[:, columns]] = 0
    return truth


def road_edge(road: np.ndarray, fixed: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Truth (h, w) uint8 of the edge of a `road` mask against what is `fixed`, both (H, W) bool, and a bool
    mask of places near it, both at most 320 wide. Beside what may move away nothing is known.
    """
    size = (WIDTH, max(1, round(road.shape[0] * WIDTH / road.shape[1])))
    small = (_shrunk(mask, size) for mask in (road, fixed, ~road & ~fixed))
    inside, outside, moving = small
    three = np.ones((3, 3), np.uint8)
    meet = np.minimum(cv2.dilate(inside, three), cv2.dilate(outside, three))
    truth = cv2.dilate(meet, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))) * np.uint8(CERTAIN)
    truth[cv2.dilate(moving, np.ones((7, 7), np.uint8)) > 0] = UNKNOWN
    return truth, cv2.dilate(meet, np.ones((7, 7), np.uint8)) > 0


def _shrunk(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return np.asarray(cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST_EXACT))


LEFT, RIGHT = "left", "right"
SIDES = (LEFT, RIGHT)
MARGIN = 8  # pixels beyond the ends of drawn lines in which nothing is known


def partly_drawn(size: tuple[int, int], lines: Sequence[np.ndarray], sides: Sequence[str]) -> np.ndarray:
    """As `drawn`, but nothing is known beyond the outermost line on `sides`, and farther than lines go.

    The sky has no lines. Where there are none at all, there is none.
    """
    truth = drawn(size, lines)
    if not lines:
        return truth
    farthest = min(float(points[:, 1].min()) for points in lines)
    rows, columns = np.arange(size[1]) + 0.5, np.arange(size[0])[None]
    outside = np.broadcast_to((rows < farthest + MARGIN)[:, None], truth.shape).copy()
    for side in sides:
        outermost = max if side == RIGHT else min
        line = outermost(lines, key=lambda points: float(points[points[:, 1].argmax(), 0]))
        order = np.argsort(line[:, 1])
        at = np.interp(rows, line[order, 1], line[order, 0])[:, None]
        outside |= columns > at + MARGIN if side == RIGHT else columns < at - MARGIN
    outside[: max(0, int(farthest) - 4 * MARGIN)] = False
    truth[outside & (truth == 0)] = UNKNOWN
    return truth


def drawn(size: tuple[int, int], lines: Iterable[np.ndarray]) -> np.ndarray:
    """(h, w) uint8: CERTAIN on polylines (n, 2), in pixels of `size`, as wide as the teacher's; else 0."""
    truth = np.zeros(size[::-1], np.uint8)
    for points in lines:
        pixels = np.round((points - 0.5) * 16).astype(np.int32)
        cv2.polylines(truth, [pixels], False, CERTAIN, max(2, round(size[0] / 128)), shift=4)
    return truth

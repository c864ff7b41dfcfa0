"""The kernels, fast: the same results as `reference`, which says what they are.

Two are loops by nature and are compiled by numba; every further one would cost the first run on a machine a
good part of a second. The others gain by looking only at the few cells that count, and by OpenCV.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import cv2
import numba
import numpy as np
from numba.extending import register_jitable

from perception.kernels import reference
from perception.kernels.reference import sigmoid

Kernel = Callable[..., Any]


def compiled(function: Kernel) -> Kernel:
    """By numba, kept on disk beside the source, else in the user's cache, else for this process only."""
    try:
        return numba.njit(cache=True, error_model="numpy")(function)
    except RuntimeError:  # numba found no place that it may write to
        return numba.njit(error_model="numpy")(function)


for part in (
    reference.sample,
    reference.direction,
    reference.flank,
    reference.centre,
    reference.follow,
    reference.take,
    reference.reverse,
    reference.stroke,
):
    register_jitable(part)
trace = compiled(reference.trace)  # the reference is a loop over scalars already


def candidates(
    scores: np.ndarray, boxes: np.ndarray, thresholds: np.ndarray, stride: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`reference.candidates`: one flat compare, and exp only where it said yes."""
    _, height, width = scores.shape
    cells = np.flatnonzero(scores > thresholds[:, None, None])
    class_id, cell = np.divmod(cells, height * width)
    row, column = np.divmod(cell, width)
    reach = np.exp(boxes.reshape(4, -1)[:, cell]) * np.float32(stride)
    x, y = (column + 0.5) * stride, (row + 0.5) * stride
    xyxy = np.empty((len(cells), 4), np.float32)
    xyxy[:, 0], xyxy[:, 1], xyxy[:, 2], xyxy[:, 3] = x - reach[0], y - reach[1], x + reach[2], y + reach[3]
    return xyxy, scores.reshape(-1)[cells], class_id.astype(np.int32)


def nms(xyxy: np.ndarray, class_id: np.ndarray, limit: float) -> np.ndarray:
    """`reference.nms`."""
    kept = np.empty(len(xyxy), np.int64)
    return kept[: _nms(xyxy.astype(np.float64), class_id, limit, kept)]


@compiled
def _nms(xyxy: np.ndarray, class_id: np.ndarray, limit: float, kept: np.ndarray) -> int:
    """Fills `kept`; how many."""
    count = 0
    for row in range(len(xyxy)):
        x1, y1, x2, y2 = xyxy[row, 0], xyxy[row, 1], xyxy[row, 2], xyxy[row, 3]
        alone = True
        for n in range(count):
            k = kept[n]
            if class_id[k] != class_id[row]:
                continue
            width = min(xyxy[k, 2], x2) - max(xyxy[k, 0], x1)
            height = min(xyxy[k, 3], y2) - max(xyxy[k, 1], y1)
            if width <= 0 or height <= 0:
                continue
            common = width * height
            area = (xyxy[k, 2] - xyxy[k, 0]) * (xyxy[k, 3] - xyxy[k, 1])
            union = area + (x2 - x1) * (y2 - y1) - common
            if union > 0 and common / union > limit:
                alone = False
                break
        if alone:
            kept[count] = row
            count += 1
    return count


def pixel_shuffle(parts: np.ndarray) -> np.ndarray:
    """`reference.pixel_shuffle`."""
    channels, height, width = parts.shape
    f = math.isqrt(channels)
    out = np.empty((f * height, f * width), parts.dtype)
    for channel, part in enumerate(parts):
        out[channel // f :: f, channel % f :: f] = part
    return out


def probability_above(parts: np.ndarray, threshold: float) -> np.ndarray:
    """`reference.probability_above`: few cells are part of a line, and only they get a sigmoid."""
    places = _places(*parts.shape)
    flat = parts.reshape(-1)
    cells = np.flatnonzero(flat > threshold)
    out = np.zeros(places.shape, parts.dtype)
    out.reshape(-1)[places.reshape(-1)[cells]] = sigmoid(flat[cells])
    return out


@lru_cache
def _places(channels: int, height: int, width: int) -> np.ndarray:
    """Where the pixel shuffle puts each cell of a map, as flat indices in the shape of the result."""
    f = math.isqrt(channels)
    part, row, column = np.indices((channels, height, width))
    places = (f * row + part // f) * (f * width) + f * column + part % f
    return places.reshape(f * height, f * width)


def upsampled_labels(parts: np.ndarray, threshold: float, size: tuple[int, int]) -> np.ndarray:
    """`reference.upsampled_labels`, but for cells within float32 rounding of the threshold."""
    logits = cv2.resize(pixel_shuffle(parts), size, interpolation=cv2.INTER_LINEAR)
    return (logits > threshold).view(np.uint8)


def sign_crops(image: np.ndarray, boxes: np.ndarray, size: int = 64) -> np.ndarray:
    """`reference.sign_crops` within the rounding of OpenCV's fixed-point weights."""
    out = np.empty((len(boxes), size, size, 3), np.uint8)
    for crop, (x1, y1, x2, y2) in zip(out, np.asarray(boxes, np.float64), strict=True):
        scale = 1.2 * max(x2 - x1, y2 - y1, 1.0) / size
        first = (1 - size) / 2 * scale - 0.5
        matrix = np.array([[scale, 0, (x1 + x2) / 2 + first], [0, scale, (y1 + y2) / 2 + first]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        cv2.warpAffine(image, matrix, (size, size), crop, flags, cv2.BORDER_REPLICATE)
    return out

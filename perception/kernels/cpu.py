"""The kernels, fast: the same results as `reference`, which says what they are.

After the network has run, nothing of the interpreter is in the processor's caches any more and each call of
numpy costs some ten microseconds. So a frame takes few calls: loops, compiled by numba once for a machine.
They take contiguous arrays; another layout is compiled again.
"""

from __future__ import annotations

import math
from functools import lru_cache
from inspect import isfunction

import numpy as np
from numba.extending import register_jitable

from perception.jit import compiled
from perception.kernels import lines as line_parts
from perception.kernels import strokes as stroke_parts
from perception.kernels.reference import Found, area_weights
from perception.letterbox import Letterbox

Taps = tuple[np.ndarray, np.ndarray]  # of an axis: where what makes a new cell begins, and its weights
MIXED = 2
INFINITE = np.float32(np.inf)


for module in (stroke_parts, line_parts):
    for part in vars(module).values():
        if isfunction(part):
            register_jitable(part)
without_edges = compiled(stroke_parts.without_edges)  # loops over scalars already
strokes = compiled(stroke_parts.strokes)
lines = compiled(line_parts.lines)


@compiled
def contrast(image: np.ndarray, cells: tuple[int, int], step: int) -> tuple[float, float]:
    """`reference.contrast`."""
    across, down = cells
    height, width = (image.shape[0] - 1) // step + 1, (image.shape[1] - 1) // step + 1
    high, wide = height // down, width // across
    mean, spread = np.empty((down, across)), 0.0
    for row in range(down):
        for column in range(across):
            total, squares = np.int64(0), np.int64(0)
            for y in range(row * high * step, (row + 1) * high * step, step):
                for x in range(column * wide * step, (column + 1) * wide * step, step):
                    grey = np.int64(image[y, x, 0]) + np.int64(image[y, x, 1]) + np.int64(image[y, x, 2])
                    total += grey
                    squares += grey * grey
            mean[row, column] = total / (3 * high * wide)
            spread += squares / (9 * high * wide) - mean[row, column] ** 2
    largest = 0.0
    for row in range(1, down - 1):
        for column in range(1, across - 1):
            around = (
                mean[row - 1, column] + mean[row + 1, column] + mean[row, column - 1] + mean[row, column + 1]
            )
            largest = max(largest, abs(mean[row, column] - around / 4))
    return largest, math.sqrt(max(0.0, 1.25 * spread / (down * across * high * wide)))


@compiled
def all_candidates(
    scores: tuple[np.ndarray, ...],
    boxes: tuple[np.ndarray, ...],
    thresholds: np.ndarray,
    strides: tuple[int, ...],
    most: int,
) -> Found:
    """`reference.all_candidates`."""
    total = 0
    for level in scores:
        total += _count(level, thresholds)
    xyxy, logits = np.empty((total, 4), np.float32), np.empty(total, np.float32)
    class_id = np.empty(total, np.int32)
    n = 0
    for k in range(len(scores)):
        n = _add(scores[k], boxes[k], thresholds, strides[k], (xyxy, logits, class_id), n)
    best = np.argsort(-logits, kind="mergesort")[:most]  # stable
    return xyxy[best], logits[best], class_id[best]


@register_jitable
def _count(scores: np.ndarray, thresholds: np.ndarray) -> int:
    """How many cells are above their class's threshold. In 32 bits, so that it is done eight at a time."""
    count = np.int32(0)
    for class_id in range(len(scores)):
        for value in scores[class_id].flat:
            count += np.int32(value > thresholds[class_id])
    return int(count)


@register_jitable
def _add(
    scores: np.ndarray, boxes: np.ndarray, thresholds: np.ndarray, stride: int, out: Found, n: int
) -> int:
    """`reference.candidates` of one level into the rows n: of `out`; the new n."""
    xyxy, logits, class_ids = out
    for class_id in range(scores.shape[0]):
        for i in range(scores.shape[1]):
            for j in range(scores.shape[2]):
                if not scores[class_id, i, j] > thresholds[class_id]:
                    continue
                x, y = (j + 0.5) * stride, (i + 0.5) * stride
                xyxy[n, 0], xyxy[n, 1] = (
                    x - np.exp(boxes[0, i, j]) * stride,
                    y - np.exp(boxes[1, i, j]) * stride,
                )
                xyxy[n, 2], xyxy[n, 3] = (
                    x + np.exp(boxes[2, i, j]) * stride,
                    y + np.exp(boxes[3, i, j]) * stride,
                )
                logits[n], class_ids[n] = scores[class_id, i, j], class_id
                n += 1
    return n


@compiled
def objects(
    found: Found, limit: float, to_image: np.ndarray, smallest: float, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """`reference.objects`."""
    xyxy, logits, class_id = found
    kept, sums, box = np.empty(most, np.int64), np.zeros((most, 5)), np.empty(4, np.float32)
    count = 0
    for row in range(len(xyxy)):
        if not _put_in_image(xyxy[row], 1.0, to_image, box) >= smallest:
            continue
        at = _goes_with(xyxy, class_id, limit, kept[:count], row)
        if at == count == most:
            continue
        if at == count:
            kept[count] = row
            count += 1
        weight = _score(logits[row]) ** 2
        for k in range(4):
            sums[at, k] += weight * xyxy[row, k]
        sums[at, 4] += weight
    boxes, scores, ids = np.empty((count, 4), np.float32), np.empty(count, np.float32), class_id[kept[:count]]
    for n, row in enumerate(kept[:count]):
        _put_in_image(sums[n], sums[n, 4], to_image, boxes[n])
        scores[n] = _score(logits[row])
    return boxes, scores, ids


@register_jitable
def _score(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))


@register_jitable
def _put_in_image(sums: np.ndarray, weight: float, to_image: np.ndarray, box: np.ndarray) -> float:
    """Into `box` (4,): `sums` / `weight` in image pixels, clipped to the image. Returns the shorter side."""
    for k in range(4):
        at = (sums[k] / weight - to_image[0, k % 2]) / to_image[1, k % 2]
        box[k] = min(max(at, 0.0), to_image[2, k % 2])
    return min(box[2] - box[0], box[3] - box[1])


@register_jitable
def _goes_with(xyxy: np.ndarray, class_id: np.ndarray, limit: float, kept: np.ndarray, row: int) -> int:
    """The place in `kept` of the first box of the same class that overlaps box `row` by more than `limit`.

    len(kept) if there is none.
    """
    x1, y1, x2, y2 = xyxy[row]
    for at, k in enumerate(kept):
        if class_id[k] != class_id[row]:
            continue
        width = np.float64(min(xyxy[k, 2], x2) - max(xyxy[k, 0], x1))
        height = np.float64(min(xyxy[k, 3], y2) - max(xyxy[k, 1], y1))
        if width <= 0 or height <= 0:
            continue
        common = width * height
        area = (xyxy[k, 2] - xyxy[k, 0]) * (xyxy[k, 3] - xyxy[k, 1])
        union = area + (x2 - x1) * (y2 - y1) - common
        if union > 0 and common / union > limit:
            return at
    return len(kept)


def upsampled_labels(parts: np.ndarray, threshold: float, size: tuple[int, int]) -> np.ndarray:
    """`reference.upsampled_labels`, but for cells within float32 rounding of the threshold."""
    f = math.isqrt(len(parts))
    labels = np.empty((size[1], size[0]), np.uint8)
    rows, columns = _between(f * parts.shape[1], size[1]), _between(f * parts.shape[2], size[0])
    _upsampled_labels(parts, np.float32(threshold), rows, columns, labels)
    return labels


@lru_cache
def _between(length: int, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Where n cells lie among `length`: the one before (n,) uint32 and the share of the next (n,) float32."""
    at = np.clip((np.arange(n) + 0.5) * length / n - 0.5, 0, length - 1)
    low = np.minimum(at.astype(np.uint32), max(length - 2, 0))
    return low, (at - low).astype(np.float32)


@compiled
def _upsampled_labels(
    parts: np.ndarray,
    threshold: float,
    rows: tuple[np.ndarray, np.ndarray],
    columns: tuple[np.ndarray, np.ndarray],
    labels: np.ndarray,
) -> None:
    """Row by row; between two rows that are all of one side, there is nothing to interpolate."""
    f = int(math.sqrt(len(parts)))
    height = f * parts.shape[1]
    sides = np.empty(height, np.uint8)
    for row in range(height):
        sides[row] = _side(parts, row, threshold)
    wide, held = np.empty((2, labels.shape[1]), np.float32), np.full(2, -1)
    for i in range(len(labels)):
        row = int(rows[0][i])
        below = min(row + 1, height - 1)
        if sides[row] == sides[below] != MIXED:
            labels[i] = sides[row]
            continue
        for k in range(row, below + 1):
            if held[k % 2] != k:
                _widen(parts, k, columns, wide[k % 2])
                held[k % 2] = k
        a, b, part = wide[row % 2], wide[below % 2], rows[1][i]
        for j in range(labels.shape[1]):
            labels[i, j] = a[j] + (b[j] - a[j]) * part > threshold


@register_jitable
def _side(parts: np.ndarray, row: int, threshold: float) -> int:
    """Of one row of a shuffled map: 1 if all is above the threshold, 0 if nothing, else MIXED."""
    f = int(math.sqrt(len(parts)))
    above = np.int32(0)  # 64 bits would be half as fast
    for dx in range(f):
        for value in parts[row % f * f + dx, row // f]:
            above += np.int32(value > threshold)
    return 0 if above == 0 else 1 if above == f * parts.shape[2] else MIXED


@register_jitable
def _widen(parts: np.ndarray, row: int, columns: tuple[np.ndarray, np.ndarray], out: np.ndarray) -> None:
    """One row of a shuffled map, interpolated at `columns`."""
    f = int(math.sqrt(len(parts)))
    cells = np.empty(f * parts.shape[2] + 1, np.float32)
    for dx in range(f):
        cells[dx:-1:f] = parts[row % f * f + dx, row // f]
    cells[-1] = cells[-2]
    low, part = columns
    for k in range(len(out)):
        a, b = cells[low[k]], cells[low[k] + np.uint32(1)]
        out[k] = a + (b - a) * part[k]


@compiled
def halve(image: np.ndarray, out: np.ndarray) -> None:
    """`reference.halved` into `out`, both contiguous."""
    for i in range(len(out)):
        _mean_of_pairs(image[2 * i].reshape(-1), image[2 * i + 1].reshape(-1), out[i].reshape(-1))


@register_jitable
def _mean_of_pairs(a: np.ndarray, b: np.ndarray, out: np.ndarray) -> None:
    """Two rows of pixels to one half as long, in 16 bits."""
    for j in range(len(out) // 3):
        for c in range(3):
            k = 6 * j + c
            above, below = np.uint16(a[k]) + np.uint16(a[k + 3]), np.uint16(b[k]) + np.uint16(b[k + 3])
            out[3 * j + c] = (above + below + np.uint16(2)) >> np.uint16(2)


def plain(image: np.ndarray) -> np.ndarray:
    """The image in the layout that the kernels are compiled for, copied if it has another."""
    return np.require(image, np.uint8, ["C", "A", "W"])


def shrink(image: np.ndarray, out: np.ndarray, box: Letterbox) -> None:
    """`reference.resized` into the inside of `out` (h, w, 3), a network input; both contiguous."""
    rows, columns = (_taps(box.image[axis], box.inner[axis]) for axis in (1, 0))
    _shrink(image, rows, columns, out, box.offset)


@lru_cache
def _taps(length: int, n: int) -> Taps:
    """The cells of an axis that make each of n: the first (n,) int64, and their weights (n, most) uint32.

    The weights of a new cell have the same sum for all, the least whole numbers that do it.
    """
    dense = area_weights(length, n)
    first = np.minimum((dense > 0).argmax(axis=1), length - (most := int((dense > 0).sum(axis=1).max())))
    taps = np.take_along_axis(dense, first[:, None] + np.arange(most), axis=1).astype(np.int64)
    return first, (taps // np.gcd.reduce(taps, axis=None)).astype(np.uint32)


@compiled
def _shrink(image: np.ndarray, rows: Taps, columns: Taps, out: np.ndarray, offset: tuple[int, int]) -> None:
    """Down into a row of sums, then across. Half a step up, no quotient falls below a whole one it is."""
    (row_first, row_weights), (column_first, column_weights) = rows, columns
    whole = int(row_weights[0].sum()) * int(column_weights[0].sum())
    half, step = whole // 2 + 0.5, 1.0 / whole
    sums = np.empty((image.shape[1], 3), np.uint32)
    for i in range(len(row_first)):
        sums[:] = 0
        for k in range(row_weights.shape[1]):
            _add_row(image[row_first[i] + k].reshape(-1), row_weights[i, k], sums.reshape(-1))
        line = out[offset[1] + i]
        for j in range(len(column_first)):
            b = g = r = half
            for k in range(column_weights.shape[1]):
                weight, at = np.float64(column_weights[j, k]), column_first[j] + k
                b += weight * sums[at, 0]
                g += weight * sums[at, 1]
                r += weight * sums[at, 2]
            pixel = line[offset[0] + j]
            pixel[0], pixel[1], pixel[2] = int(b * step), int(g * step), int(r * step)


@register_jitable
def _add_row(row: np.ndarray, weight: int, sums: np.ndarray) -> None:
    for k in range(len(row)):
        sums[k] += weight * row[k]


@compiled
def sign_crops(image: np.ndarray, boxes: np.ndarray, size: int = 64) -> np.ndarray:
    """`reference.sign_crops` within the rounding of 32 bits."""
    out = np.empty((len(boxes), size, size, 3), np.uint8)
    at, parts = np.empty((4, size), np.uint64), np.empty((2, size), np.float32)
    for n in range(len(boxes)):
        x1, y1, x2, y2 = boxes[n]
        side = 1.2 * max(x2 - x1, y2 - y1, 1.0)
        _between_pixels((x1 + x2) / 2, side, image.shape[1], at[:2], parts[0])
        _between_pixels((y1 + y2) / 2, side, image.shape[0], at[2:], parts[1])
        for i in range(size):
            above, below, down = image[at[2, i]], image[at[3, i]], parts[1, i]
            for j in range(size):
                left, right, across = at[0, j], at[1, j], parts[0, j]
                for c in range(3):
                    a, b = np.float32(above[left, c]), np.float32(below[left, c])
                    a += (np.float32(above[right, c]) - a) * across
                    b += (np.float32(below[right, c]) - b) * across
                    out[n, i, j, c] = int(a + (b - a) * down + np.float32(0.5))
    return out


@register_jitable
def _between_pixels(middle: float, side: float, length: int, at: np.ndarray, parts: np.ndarray) -> None:
    """Of n cells along `side`: `at` (2, n), the pixels before and after; `parts` (n,), how far on it is."""
    for k in range(len(parts)):
        x = min(max(0.0, middle + (k + 0.5) / len(parts) * side - side / 2 - 0.5), length - 1.0)  # NaN: 0
        at[0, k], at[1, k], parts[k] = int(x), min(int(x) + 1, length - 1), x - int(x)


@compiled
def all_finite(array: np.ndarray) -> bool:
    """`reference.all_finite`."""
    bad = np.int32(0)  # in 32 bits and without a way out, so that it is done eight at a time
    for value in array.flat:
        bad += np.int32(not abs(value) < INFINITE)
    return bad == 0

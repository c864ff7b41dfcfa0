"""What the kernels mean, in plain numpy. Slow on purpose where that is clearer.

What is a loop over scalars anyway is in `strokes` and `lines`. All maps are logits.
"""

from __future__ import annotations

import math

import numpy as np

from perception.convention import MEAN, SCALE
from perception.kernels.lines import PAINT
from perception.letterbox import PAD, Letterbox

Found = tuple[np.ndarray, np.ndarray, np.ndarray]  # xyxy (n, 4), logit (n,), class_id (n,)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probability of a logit, same shape and dtype."""
    return 1 / (1 + np.exp(-logits))


def logit(probability: float) -> float:
    """The inverse of `sigmoid`, for a probability inside (0, 1)."""
    return math.log(probability / (1 - probability))


def contrast(image: np.ndarray, cells: tuple[int, int], step: int) -> tuple[float, float]:
    """How much an image (h, w, 3) uint8 shows, from every `step`-th pixel of every `step`-th row.

    These are averaged over `cells` (across, down) of equal size; what is left over at the right and at the
    bottom is not looked at. Returns the largest difference between an inner cell and the mean of the four
    around it, and the standard error of that difference if pixels were independent; both in grey levels.
    """
    grey = image[::step, ::step].astype(np.int64).sum(-1)
    (across, down), (height, width) = cells, grey.shape
    parts = grey[: height // down * down, : width // across * across]
    parts = parts.reshape(down, height // down, across, width // across) / 3
    mean, spread = parts.mean((1, 3)), parts.var((1, 3)).mean()
    around = (mean[:-2, 1:-1] + mean[2:, 1:-1] + mean[1:-1, :-2] + mean[1:-1, 2:]) / 4
    largest = np.abs(mean[1:-1, 1:-1] - around).max()
    return float(largest), math.sqrt(1.25 * spread / (parts.shape[1] * parts.shape[3]))


def candidates(
    scores: np.ndarray, boxes: np.ndarray, thresholds: np.ndarray, stride: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells of one level whose logit is above their class's threshold, in order of class, row, column.

    `scores` (classes, h, w) logits, `boxes` (4, h, w) log distances left, top, right, bottom in strides from
    the cell's centre, `thresholds` (classes,) logits. Returns xyxy (n, 4) float32 in network pixels,
    logit (n,) float32, class_id (n,) int32.
    """
    class_id, row, column = np.nonzero(scores > thresholds[:, None, None])
    left, top, right, bottom = np.exp(boxes[:, row, column]) * np.float32(stride)
    x, y = (column + 0.5) * stride, (row + 0.5) * stride
    xyxy = np.stack([x - left, y - top, x + right, y + bottom], axis=1)
    return xyxy.astype(np.float32), scores[class_id, row, column], class_id.astype(np.int32)


def all_candidates(
    scores: tuple[np.ndarray, ...],
    boxes: tuple[np.ndarray, ...],
    thresholds: np.ndarray,
    strides: tuple[int, ...],
    most: int,
) -> Found:
    """The `most` best candidates of several levels, best first; equal ones one level after the other."""
    levels = [
        candidates(s, b, thresholds, stride) for s, b, stride in zip(scores, boxes, strides, strict=True)
    ]
    xyxy, logits, class_id = (np.concatenate(part) for part in zip(*levels, strict=True))
    best = np.argsort(-logits, kind="stable")[:most]
    return xyxy[best], logits[best], class_id[best]


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes (4,), 0 where both are empty."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    common = max(width, 0) * max(height, 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common
    return common / union if union > 0 else 0.0


def nms(xyxy: np.ndarray, class_id: np.ndarray, limit: float, most: int) -> np.ndarray:
    """Greedy suppression among boxes (n, 4) sorted best first: for each row the one it goes with, int64.

    A box goes with the first kept one of its class that it overlaps by more than `limit`. One that overlaps
    none is kept and goes with itself, or with none, -1, if `most` are kept already.
    """
    kept: list[int] = []
    goes_with = np.full(len(xyxy), -1)
    for row, box in enumerate(xyxy.astype(np.float64)):
        rivals = [k for k in kept if class_id[k] == class_id[row]]
        found = next((k for k in rivals if iou(xyxy[k].astype(np.float64), box) > limit), None)
        if found is None and len(kept) < most:
            kept.append(found := row)
        if found is not None:
            goes_with[row] = found
    return goes_with


def voted(xyxy: np.ndarray, logits: np.ndarray, goes_with: np.ndarray) -> np.ndarray:
    """(n, 4) float64: each kept box as the mean of all that go with it, weighted by their squared scores.

    Neighbouring cells and levels see the same object, each with an error of its own; the mean has less
    (box voting, Gidaris and Komodakis 2015). Rows that are not kept mean nothing.
    """
    weights = sigmoid(logits.astype(np.float64)) ** 2
    sums = np.zeros((len(xyxy), 5))
    for row in np.flatnonzero(goes_with >= 0):
        sums[goes_with[row]] += weights[row] * np.append(xyxy[row].astype(np.float64), 1)
    return sums[:, :4] / np.maximum(sums[:, 4:], np.finfo(np.float64).tiny)


def objects(
    found: Found, limit: float, to_image: np.ndarray, smallest: float, most: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Candidates, best first, to at most `most` objects: xyxy in image pixels, score, class_id.

    `found` is what `all_candidates` gives; `limit` and `most` are those of
    `nms`; `to_image` (3, 2) float64 is a letterbox: offset, scale and image size, x and y. Candidates with a
    side below `smallest` within the image count for nothing; the boxes of the others are `voted` on and
    clipped to the image. A mean of boxes has no shorter sides in the image than the shortest of them.
    """
    sides = np.diff(_in_image(found[0], to_image), axis=1)[:, 0]
    xyxy, logits, class_id = (part[(sides >= smallest).all(axis=1)] for part in found)
    goes_with = nms(xyxy, class_id, limit, most)
    kept = np.flatnonzero(goes_with == np.arange(len(xyxy)))
    boxes = _in_image(voted(xyxy, logits, goes_with)[kept], to_image)
    return boxes.reshape(-1, 4), sigmoid(logits[kept]), class_id[kept]


def _in_image(xyxy: np.ndarray, to_image: np.ndarray) -> np.ndarray:
    """Boxes (n, 4) in network pixels to corners (n, 2, 2) float32 in image pixels, clipped to the image."""
    offset, scale, size = to_image
    return np.clip((xyxy.reshape(-1, 2, 2) - offset) / scale, 0, size).astype(np.float32)


def pixel_shuffle(parts: np.ndarray) -> np.ndarray:
    """(f * f, h, w) to (f h, f w): channel f dy + dx holds cell (f i + dy, f j + dx) of the map."""
    channels, height, width = parts.shape
    f = math.isqrt(channels)
    cells = parts.reshape(f, f, height, width)
    return cells.transpose(2, 0, 3, 1).reshape(f * height, f * width)


def upsampled_labels(parts: np.ndarray, threshold: float, size: tuple[int, int]) -> np.ndarray:
    """(f * f, h, w) logits of a shuffled map to labels (height, width) uint8: 1 where above `threshold`.

    `size` is (width, height). Bilinear between cell centres, edges replicated.
    """
    logits = pixel_shuffle(parts).astype(np.float64)
    for axis, n in ((0, size[1]), (1, size[0])):
        length = logits.shape[axis]
        at = np.clip((np.arange(n) + 0.5) * length / n - 0.5, 0, length - 1)
        low = np.minimum(at.astype(np.int64), length - 2)
        part = np.expand_dims(at - low, 1 - axis)
        logits = logits.take(low, axis) * (1 - part) + logits.take(low + 1, axis) * part
    return (logits > threshold).astype(np.uint8)


def halved(image: np.ndarray) -> np.ndarray:
    """(2 h, 2 w, 3) uint8 to (h, w, 3): the mean of each four pixels, halves upwards."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    sums = image.reshape(height, 2, width, 2, 3).astype(np.uint16).sum(axis=(1, 3))
    return ((sums + 2) // 4).astype(np.uint8)


def resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """(H, W, 3) uint8 to (h, w, 3), `size` = (w, h), as `Letterbox.resize`, exact, halves upwards.

    Weights are whole numbers, and so small that their sums are exact in float64.
    """
    weights = area_weights if size[0] < image.shape[1] else _linear_weights
    rows, columns = weights(image.shape[0], size[1]), weights(image.shape[1], size[0])
    sums = np.einsum("ih,hwc->iwc", rows, image.astype(np.float64), optimize=True)
    sums = np.einsum("jw,iwc->ijc", columns, sums, optimize=True)
    whole = int(rows[0].sum() * columns[0].sum())
    return ((sums.astype(np.int64) + whole // 2) // whole).astype(np.uint8)


def area_weights(length: int, n: int) -> np.ndarray:
    """(n, length): how much of each old cell lies in each new one, in 1 / n of a cell."""
    edges, old = np.arange(n + 1) * length, np.arange(length) * n
    overlap = np.minimum(edges[1:, None], old + n) - np.maximum(edges[:-1, None], old)
    return np.maximum(overlap, 0).astype(np.float64)


def _linear_weights(length: int, n: int) -> np.ndarray:
    """(n, length): 2 n for each new cell, shared between the two old ones around its centre."""
    at = np.clip((2 * np.arange(n) + 1) * length - n, 0, 2 * n * (length - 1))
    low, part = at // (2 * n), at % (2 * n)
    weights = np.zeros((n, length + 1))
    weights[np.arange(n), low], weights[np.arange(n), low + 1] = 2 * n - part, part
    return weights[:, :length]


def letterboxed(image: np.ndarray, box: Letterbox) -> np.ndarray:
    """(H, W, 3) uint8 to (h, w, 3): `Letterbox.apply` by `resized`."""
    out = np.full((box.network[1], box.network[0], 3), PAD, np.uint8)
    box.inside(out)[:] = resized(image, box.inner)
    return out


def sampled(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Bilinear at (x, y), where whole numbers are pixel centres; outside the image its edge pixels go on."""
    height, width = image.shape[:2]
    zero = x.dtype.type(0)
    x, y = np.clip(x, zero, x.dtype.type(width - 1)), np.clip(y, zero, y.dtype.type(height - 1))
    j, i = x.astype(int), y.astype(int)
    right, below = np.minimum(j + 1, width - 1), np.minimum(i + 1, height - 1)
    u, v = (x - j).astype(x.dtype)[..., None], (y - i).astype(y.dtype)[..., None]
    above_row = image[i, j] * (1 - u) + image[i, right] * u
    below_row = image[below, j] * (1 - u) + image[below, right] * u
    return above_row * (1 - v) + below_row * v


def normalised(images: np.ndarray) -> np.ndarray:
    """(n, h, w, 3) uint8 to the network's own (n, 3, h, w) float32."""
    return np.ascontiguousarray(((images.astype(np.float32) - MEAN) / SCALE).transpose(0, 3, 1, 2))


def quantised(values: np.ndarray, scale: float) -> np.ndarray:
    """float32 to int8 in steps of `scale`, halves to even."""
    return np.clip(np.rint(values / np.float32(scale)), -128, 127).astype(np.int8)


def lane_cells(line: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Cells of a shuffled map (f * f, h, w) above `least`: index in (f h, f w), int32, ascending; logit."""
    logits = pixel_shuffle(line).ravel()
    cells = np.flatnonzero(logits > least)
    return cells.astype(np.int32), logits[cells]


def packed(paint: np.ndarray) -> np.ndarray:
    """Which cells of a shuffled map (f * f, h, w) are above PAINT, a bit each.

    uint32: bit k of word i is cell 32 i + k.
    """
    bits = pixel_shuffle(paint).ravel() > PAINT
    whole = np.pad(bits, (0, -len(bits) % 32))
    return np.packbits(whole, bitorder="little").view("<u4")


def sign_crops(image: np.ndarray, boxes: np.ndarray, size: int = 64) -> np.ndarray:
    """Squares around boxes (n, 4) in image pixels: (n, size, size, 3) uint8.

    The longer side, enlarged by a fifth about the centre; outside the image its edge pixels go on; bilinear.
    """
    out = np.empty((len(boxes), size, size, 3), np.uint8)
    for crop, (x1, y1, x2, y2) in zip(out, boxes, strict=True):
        side = 1.2 * max(x2 - x1, y2 - y1, 1)
        steps = (np.arange(size) + 0.5) / size * side - side / 2 - 0.5
        crop[:] = np.rint(sampled(image, (x1 + x2) / 2 + steps, ((y1 + y2) / 2 + steps)[:, None]))
    return out


def all_finite(array: np.ndarray) -> bool:
    """Whether nothing in it is a NaN or an infinity."""
    return bool(np.isfinite(array).all())

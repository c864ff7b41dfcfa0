"""What the kernels mean, in plain numpy. Slow on purpose where that is clearer.

Maps are (h, w); a point (x, y) is in cells, continuous: the cell in row i, column j covers
[j, j+1) x [i, i+1). All maps are logits unless the name says probability.
"""

from __future__ import annotations

import math

import numpy as np

STEP = 2.0  # cells between two points of a trace
REACH = 5  # cells: radius of the window that gives a direction, and the widest half of a stroke
COAST = 3  # steps a trace goes on without support
SWAY = 0.7  # cells that a step may go sideways: a curve is followed, a corner is not
INERTIA = 0.6  # share of the old direction that is kept at each step
ELONGATED = 0.35  # a seed's window must spread this much less across than along (ratio of variances)
MAX_POINTS = 8192


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probability of a logit, same shape and dtype."""
    return 1 / (1 + np.exp(-logits))


def logit(probability: float) -> float:
    """The inverse of `sigmoid`, for a probability inside (0, 1)."""
    return math.log(probability / (1 - probability))


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


def iou(a: np.ndarray, b: np.ndarray) -> float:
    """Intersection over union of two boxes (4,), 0 where both are empty."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    common = max(width, 0) * max(height, 0)
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common
    return common / union if union > 0 else 0.0


def nms(xyxy: np.ndarray, class_id: np.ndarray, limit: float) -> np.ndarray:
    """Greedy suppression among boxes (n, 4) sorted best first: the rows kept, in order, int64.

    A box goes if its overlap with a kept one of the same class is above `limit`.
    """
    kept: list[int] = []
    for row, box in enumerate(xyxy.astype(np.float64)):
        rivals = [k for k in kept if class_id[k] == class_id[row]]
        if all(iou(xyxy[k].astype(np.float64), box) <= limit for k in rivals):
            kept.append(row)
    return np.array(kept, np.int64)


def pixel_shuffle(parts: np.ndarray) -> np.ndarray:
    """(f * f, h, w) to (f h, f w): channel f dy + dx holds cell (f i + dy, f j + dx) of the map."""
    channels, height, width = parts.shape
    f = math.isqrt(channels)
    cells = parts.reshape(f, f, height, width)
    return cells.transpose(2, 0, 3, 1).reshape(f * height, f * width)


def probability_above(parts: np.ndarray, threshold: float) -> np.ndarray:
    """(f * f, h, w) logits of a shuffled map to its probability (f h, f w) float32, 0 where not above it.

    `threshold` is a logit.
    """
    logits = pixel_shuffle(parts)
    return np.where(logits > threshold, sigmoid(logits), np.float32(0))


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


def sign_crops(image: np.ndarray, boxes: np.ndarray, size: int = 64) -> np.ndarray:
    """Squares around boxes (n, 4) in image pixels: (n, size, size, 3) uint8.

    The longer side, enlarged by a fifth about the centre; outside the image its edge pixels go on; bilinear.
    """
    height, width = image.shape[:2]
    out = np.empty((len(boxes), size, size, 3), np.uint8)
    for crop, (x1, y1, x2, y2) in zip(out, boxes, strict=True):
        side = 1.2 * max(x2 - x1, y2 - y1, 1)
        steps = (np.arange(size) + 0.5) / size * side - side / 2 - 0.5
        x = np.clip((x1 + x2) / 2 + steps, 0, width - 1)
        y = np.clip((y1 + y2) / 2 + steps, 0, height - 1)[:, None]
        j, i = np.minimum(x.astype(int), width - 1), np.minimum(y.astype(int), height - 1)
        right, below = np.minimum(j + 1, width - 1), np.minimum(i + 1, height - 1)
        u, v = (x - j)[..., None], (y - i)[..., None]
        above_row = image[i, j] * (1 - u) + image[i, right] * u
        below_row = image[below, j] * (1 - u) + image[below, right] * u
        crop[:] = np.rint(above_row * (1 - v) + below_row * v)
    return out


def sample(p: np.ndarray, x: float, y: float) -> float:
    """Bilinear between cell centres, 0 on and beyond the map's outermost half cell."""
    j, i = math.floor(x - 0.5), math.floor(y - 0.5)
    if i < 0 or j < 0 or i + 1 >= p.shape[0] or j + 1 >= p.shape[1]:
        return 0.0
    u, v = x - 0.5 - j, y - 0.5 - i
    above = (1 - u) * float(p[i, j]) + u * float(p[i, j + 1])
    below = (1 - u) * float(p[i + 1, j]) + u * float(p[i + 1, j + 1])
    return (1 - v) * above + v * below


def direction(p: np.ndarray, i: int, j: int) -> tuple[float, float, float]:
    """How the mass around cell (i, j) lies: unit vector along it and variance across / variance along."""
    mass = mx = my = xx = xy = yy = 0.0
    for a in range(max(i - REACH, 0), min(i + REACH + 1, p.shape[0])):
        for b in range(max(j - REACH, 0), min(j + REACH + 1, p.shape[1])):
            w, x, y = float(p[a, b]), b - j, a - i
            mass += w
            mx += w * x
            my += w * y
            xx += w * x * x
            xy += w * x * y
            yy += w * y * y
    xx, xy, yy = xx - mx * mx / mass, xy - mx * my / mass, yy - my * my / mass
    half = math.sqrt((xx - yy) * (xx - yy) / 4 + xy * xy)
    along, across = (xx + yy) / 2 + half, (xx + yy) / 2 - half
    dx, dy = (along - yy, xy) if xx > yy else (xy, along - xx)
    length = math.sqrt(dx * dx + dy * dy)
    if length == 0:
        return 0.0, 1.0, 1.0
    return dx / length, dy / length, across / along


def flank(
    p: np.ndarray, x: float, y: float, nx: float, ny: float, least: float, peak: float
) -> tuple[float, float, int]:
    """From a stroke's peak outwards to its edge or to the valley before a neighbour.

    Mass, moment about the peak, and how many cells of it are above `least`.
    """
    mass = moment = 0.0
    last, cells = peak, 0
    for k in range(1, REACH + 1):
        value = sample(p, x + k * nx, y + k * ny)
        if value <= 0 or (value > last + 0.05 and last < 0.8 * peak):
            break
        mass += value
        moment += k * value
        cells += value > least
        last = value
    return mass, moment, cells


def centre(p: np.ndarray, x: float, y: float, nx: float, ny: float, least: float) -> tuple[float, float, int]:
    """Where the stroke near (x, y) has its middle along the normal: offset in cells, peak, width in cells.

    A peak of 0 means that nothing there is above `least`.
    """
    start, peak = 0, sample(p, x, y)
    for k in (-1, 1, -2, 2):
        value = sample(p, x + k * nx, y + k * ny)
        if value > 1.1 * peak:
            start, peak = k, value
    if peak <= least:
        return 0.0, 0.0, 0
    x, y = x + start * nx, y + start * ny
    mass, moment, cells = flank(p, x, y, nx, ny, least, peak)
    mass_left, moment_left, cells_left = flank(p, x, y, -nx, -ny, least, peak)
    offset = (moment - moment_left) / (peak + mass + mass_left)
    return start + offset, peak, 1 + cells + cells_left


def follow(
    p: np.ndarray,
    taken: np.ndarray,
    start: tuple[float, float, float, float],
    least: float,
    points: np.ndarray,
    n: int,
) -> int:
    """Walk along a stroke from start = (x, y, dx, dy), adding rows (x, y, peak, width) to points[n:].

    Ends where nothing has been above `least` for COAST steps, at a taken cell, or when `points` is full;
    the new n.
    """
    x, y, dx, dy = start
    misses = 0
    while n < len(points) and misses <= COAST:
        x, y = x + STEP * dx, y + STEP * dy
        offset, peak, width = centre(p, x, y, -dy, dx, least)
        if peak <= 0:
            misses += 1
            continue
        offset = min(max(offset, -SWAY), SWAY)
        x, y = x - offset * dy, y + offset * dx
        if not (0 <= y < p.shape[0] and 0 <= x < p.shape[1]) or taken[int(y), int(x)]:
            break
        turn = (1 - INERTIA) * offset / STEP
        dx, dy = dx - turn * dy, dy + turn * dx
        length = math.sqrt(dx * dx + dy * dy)
        dx, dy, misses = dx / length, dy / length, 0
        points[n, 0], points[n, 1], points[n, 2], points[n, 3] = x, y, peak, width
        n += 1
    return n


def take(taken: np.ndarray, points: np.ndarray, begin: int, end: int) -> None:
    """Mark the cells that the stroke through points[begin:end] covers, so that none is traced twice."""
    for n in range(begin, end):
        x, y, radius = points[n, 0], points[n, 1], points[n, 3] / 2 + 1.5
        reach = int(radius) + 1
        for i in range(max(int(y) - reach, 0), min(int(y) + reach + 1, taken.shape[0])):
            for j in range(max(int(x) - reach, 0), min(int(x) + reach + 1, taken.shape[1])):
                di, dj = i + 0.5 - y, j + 0.5 - x
                if di * di + dj * dj <= radius * radius:
                    taken[i, j] = True


def reverse(points: np.ndarray, begin: int, end: int) -> None:
    """Turn the order of points[begin:end] round, in place."""
    for n in range((end - begin) // 2):
        for k in range(points.shape[1]):
            a, b = points[begin + n, k], points[end - 1 - n, k]
            points[begin + n, k], points[end - 1 - n, k] = b, a


def stroke(
    p: np.ndarray, taken: np.ndarray, seed: tuple[int, int], least: float, points: np.ndarray, n: int
) -> int:
    """Follow the stroke through cell seed = (i, j) both ways, adding rows to points[n:]; the new n.

    Nothing is added where the surroundings have no clear direction.
    """
    i, j = seed
    dx, dy, ratio = direction(p, i, j)
    if ratio > ELONGATED:
        return n
    offset, _, _ = centre(p, j + 0.5, i + 0.5, -dy, dx, least)
    x, y = j + 0.5 - offset * dy, i + 0.5 + offset * dx
    middle = follow(p, taken, (x, y, -dx, -dy), least, points, n)
    reverse(points, n, middle)
    return follow(p, taken, (x - STEP * dx, y - STEP * dy, dx, dy), least, points, middle)


def trace(
    p: np.ndarray, seeds: np.ndarray, taken: np.ndarray, least: float, points: np.ndarray, begins: np.ndarray
) -> int:
    """Follow the strokes of a probability map (h, w), 0 = nothing, along what is above `least`.

    Cells below it still have weight where the middle of a stroke is sought: its soft edge tells parts of a
    cell. Strokes are begun at `seeds`, numbers of cells (n,) int64, in that order unless they are `taken`:
    (h, w) bool, cells to leave alone and, in the end, all those covered. With seeds from the bottom up, a
    line that is near the camera goes on through a fork and the others end there.

    Fills `points` (n, 4) with rows (x, y, probability, width), stroke after stroke, each in order along it,
    and `begins` with the row where each begins and, last, where all end; the number of strokes.
    """
    begins[0] = count = 0
    for n in range(len(seeds)):
        i, j = divmod(seeds[n], p.shape[1])
        if taken[i, j] or count == len(begins) - 1:
            continue
        begin = begins[count]
        end = stroke(p, taken, (i, j), least, points, begin)
        if end > begin:
            take(taken, points, begin, end)
            count += 1
            begins[count] = end
    return count

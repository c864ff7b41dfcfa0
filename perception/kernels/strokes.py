"""Strokes of a line map: a probability is followed along its ridge.

Loops over scalars, which are their own reference: `cpu` compiles this very file. It stands on nothing else,
because the compiled code is kept until this file changes. Maps are (h, w); a point (x, y) is in cells,
continuous: the cell in row i, column j covers [j, j+1) x [i, i+1).
"""

from __future__ import annotations

import math

import numpy as np

STEP = 2.0  # cells between two points of a stroke
REACH = 5  # cells: radius of the window that gives a direction, and the widest half of a stroke
COAST = 3  # steps that a stroke goes on without support
SWAY = 0.7  # cells that a step may go sideways: a curve is followed, a corner is not
INERTIA = 0.6  # share of the old direction that is kept at each step
ELONGATED = 0.35  # a seed's window must spread this much less across than along (ratio of variances)
SOFT = -2.5  # logit: what is above it counts as the soft edge of a stroke
LEAD = 1.0  # logits by which a cell without paint must be a line rather than a road edge
SHORTEST = 3  # points
WIDEST = 9.0  # cells, mean of a stroke: wider is a surface


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


def is_line(points: np.ndarray, begin: int, end: int) -> bool:
    """Whether the stroke points[begin:end] is long and narrow enough."""
    widths = 0.0
    for n in range(begin, end):
        widths += points[n, 3]
    return end - begin >= SHORTEST and widths <= WIDEST * (end - begin)


def trace(
    p: np.ndarray, peaks: np.ndarray, taken: np.ndarray, least: float, points: np.ndarray, begins: np.ndarray
) -> int:
    """Follow the strokes of a probability map (h, w), 0 = nothing, along what is above `least`.

    `peaks` (h,), the greatest of each row: most rows need not be looked at.

    Cells below it still have weight where the middle of a stroke is sought: its soft edge tells parts of a
    cell. Strokes are begun from the bottom up, so that a line that is near the camera goes on through a fork
    and the others end there. No cell is part of two, and those that are `taken` (h, w) bool before are part
    of none; those of the strokes are added to it.

    Fills `points` (n, 4) with rows (x, y, probability, width), stroke after stroke, each in order along it,
    and `begins` with the row where each begins and, last, where all end; the number of strokes.
    """
    begins[0] = count = 0
    for i in range(p.shape[0] - 1, -1, -1):
        if peaks[i] <= least:
            continue
        for j in range(p.shape[1] - 1, -1, -1):
            if p[i, j] <= least or taken[i, j] or count == len(begins) - 1:
                continue
            begin = begins[count]
            end = stroke(p, taken, (i, j), least, points, begin)
            take(taken, points, begin, end)
            if is_line(points, begin, end):
                count += 1
                begins[count] = end
    return count


def probability(
    parts: np.ndarray, first: tuple[int, int], shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Logits (f * f, h, w), a pixel-shuffled map, to probabilities (shape) float32, 0 where not above SOFT.

    Channel f dy + dx holds cell (f i + dy, f j + dx); `first` is the (row, column) of the map where the
    result begins. The second result is the greatest of each row.
    """
    p, peaks = np.zeros(shape, np.float32), np.zeros(shape[0], np.float32)
    f, soft = int(math.sqrt(parts.shape[0])), np.float32(SOFT)
    for channel in range(parts.shape[0]):
        down, across = channel // f - first[0], channel % f - first[1]
        for i in range(parts.shape[1]):
            row, line = f * i + down, parts[channel, i]
            if not 0 <= row < shape[0]:
                continue
            above = 0  # most rows show nothing, and this loop is done many cells at a time
            for j in range(len(line)):
                above += line[j] > soft
            if above == 0:
                continue
            for j in range(len(line)):
                column = f * j + across
                if line[j] > soft and 0 <= column < shape[1]:
                    p[row, column] = 1 / (1 + math.exp(-np.float64(line[j])))
                    peaks[row] = max(peaks[row], p[row, column])
    return p, peaks


def without_edges(line: np.ndarray, edges: np.ndarray, paint: np.ndarray, least: float) -> np.ndarray:
    """The logits `line` but for cells of road edges, -inf: those with no paint and no LEAD over the edge.

    All are (f * f, h, w) float32; there is paint above `least`. An edge not above SOFT is none.
    """
    out, lead, soft, none = np.empty_like(line), np.float32(LEAD), np.float32(SOFT), np.float32(-np.inf)
    flat, edge, bare, rest = line.ravel(), edges.ravel(), paint.ravel(), out.ravel()
    limit = np.float32(least)  # all in 32 bits, so that it is done many cells at a time
    for k in range(len(flat)):
        rather = (edge[k] > soft) & (edge[k] + lead > flat[k]) & (bare[k] <= limit)
        rest[k] = none if rather else flat[k]
    return out


def strokes(
    parts: np.ndarray,
    first: tuple[int, int],
    taken: np.ndarray,
    least: float,
    points: np.ndarray,
    begins: np.ndarray,
) -> int:
    """`trace` of the `probability` of a map, as much of it as `taken` covers from its cell `first` on."""
    p, peaks = probability(parts, first, taken.shape)
    return trace(p, peaks, taken, least, points, begins)

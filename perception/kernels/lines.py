"""Strokes to lines: join what belongs together across gaps, smooth it, and look it up in the paint map.

Loops over scalars, which are their own reference: `cpu` compiles this very file. It stands on nothing else,
because the compiled code is kept until this file changes. Strokes are rows (x, y, probability, ...) of one
array, in order along each; points are in cells of the map. Stroke k has the ends 2 k, where it begins, and
2 k + 1.
"""

from __future__ import annotations

import math

import numpy as np

SPACING = 2.0  # cells between two points of a stroke
LOOK_BACK = 8  # points at an end that give its direction
MAX_GAP = 60.0  # cells
WINDOW = 11  # points of the local quadratic, odd
PAINT = -1.0  # logit: what is above it counts as paint
KEEP = 2  # every second point of a smooth line is given out, and so are both its ends
TURN = 5.0  # cells: a line with both ends so far below its top is two lines
PASSAGE = 1.0  # cells below the top: there neither of the two is told


def lines(
    points: np.ndarray,
    begins: np.ndarray,
    count: int,
    paint: np.ndarray,
    to_image: np.ndarray,
    fits: np.ndarray,
    shortest: float,
    sure: float,
    bottom: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lines of `count` strokes, left to right: those with more than `shortest` points above `sure`.

    `paint` (f * f, h, w) logits, a pixel-shuffled map, of which the strokes' map is a window; `to_image`
    (4, 2) float64, each x and y: the window's first cell, the letterbox's offset in cells, image pixels a
    cell, image size; `fits` those of `parabolas`; `bottom` the row to which lines are drawn on to say which
    is left.

    Gives image points (n, 2) float32, line after line, near to far; where each begins and all end (m + 1,);
    and of each (m, 3): mean probability, share of its points that see paint, changes between paint and none.
    """
    rows, first = chained(points, begins, count)
    pieces = parted(rows, first)
    smoothed = np.empty((int(length(rows, 0, len(rows)) / SPACING) + 3 * len(pieces), 2))
    ends, facts, n = np.zeros(len(pieces) + 1, np.int64), np.zeros((len(pieces), 3)), 0
    for begin, last in pieces:
        if above(rows, begin, last, sure) <= shortest:
            continue
        end = smooth(rows, begin, last, fits, smoothed, ends[n])
        near_to_far(smoothed, ends[n], end)
        facts[n, 0] = mean(rows, begin, last)
        see(paint, smoothed, ends[n], end, to_image, facts[n])
        n += 1
        ends[n] = end
    return given_out(smoothed, ends, facts, left_to_right(smoothed, ends, n, bottom), to_image)


def length(rows: np.ndarray, begin: int, end: int) -> float:
    """Of the polyline rows[begin:end], cells."""
    total = 0.0
    for n in range(begin + 1, end):
        total += apart(rows, n)
    return total


def apart(rows: np.ndarray, n: int) -> float:
    """How far row n is from the one before it, cells."""
    dx, dy = rows[n, 0] - rows[n - 1, 0], rows[n, 1] - rows[n - 1, 1]
    return math.sqrt(dx * dx + dy * dy)


def mean(rows: np.ndarray, begin: int, end: int) -> float:
    """Of the probability."""
    total = 0.0
    for n in range(begin, end):
        total += rows[n, 2]
    return total / (end - begin)


def above(rows: np.ndarray, begin: int, end: int, least: float) -> int:
    """How many of rows[begin:end] have a probability above `least`."""
    count = 0
    for n in range(begin, end):
        count += rows[n, 2] > least
    return count


def chained(points: np.ndarray, begins: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """The same rows with the strokes of each line one after the other; where each begins and all end.

    An end goes to the end that lies most nearly straight ahead of it and has it straight ahead too. Each is
    used once, so that where lines meet, the straightest pair goes through and the others end.
    """
    partner = partners(points, begins, count)
    rows, first = np.empty((begins[count], 3)), np.zeros(count + 1, np.int64)
    used = np.zeros(count, np.bool_)
    n = lines_found = 0
    for start in range(2 * count):
        end = start
        if partner[start] >= 0 or used[start // 2]:
            continue
        while end >= 0:
            n = add(rows, n, points, begins[end // 2], begins[end // 2 + 1], end % 2 == 1)
            used[end // 2] = True
            end = partner[end ^ 1]
        lines_found += 1
        first[lines_found] = n
    return rows, first[: lines_found + 1]


def parted(rows: np.ndarray, first: np.ndarray) -> np.ndarray:
    """Where each line of `chained` begins and ends (m, 2): one that turns back at its top is two.

    The lines of a road run together at the horizon, where one is followed into the other. No line of a road
    comes back down the image.
    """
    pieces, m = np.empty((2 * len(first) - 2, 2), np.int64), 0
    for k in range(len(first) - 1):
        begin, end = first[k], first[k + 1]
        top = begin + np.argmin(rows[begin:end, 1])
        pieces[m, 0], pieces[m, 1] = begin, end
        m += 1
        if not begin + 2 <= top <= end - 3 or min(rows[begin, 1], rows[end - 1, 1]) <= rows[top, 1] + TURN:
            continue
        before, behind = top, top
        while before > begin + 2 and rows[before - 1, 1] < rows[top, 1] + PASSAGE:
            before -= 1
        while behind < end - 2 and rows[behind, 1] < rows[top, 1] + PASSAGE:
            behind += 1
        pieces[m - 1, 1], pieces[m, 0], pieces[m, 1] = before, behind, end
        m += 1
    return pieces[:m]


def add(rows: np.ndarray, n: int, points: np.ndarray, begin: int, end: int, backwards: bool) -> int:
    """Append a stroke to rows[:n], turned round if asked to; the new n."""
    for m in range(end - begin):
        source = end - 1 - m if backwards else begin + m
        for column in range(3):
            rows[n + m, column] = points[source, column]
    return n + end - begin


def partners(points: np.ndarray, begins: np.ndarray, count: int) -> np.ndarray:
    """The end that each end is joined to (2 count,), -1 for none. The cheapest pair first; without rings."""
    cost = costs(points, begins, count)
    partner, group = np.empty(2 * count, np.int64), np.empty(count, np.int64)
    for i in range(2 * count):
        partner[i], group[i // 2] = -1, i // 2
    while True:
        a, b, least = 0, 0, math.inf
        for i in range(2 * count):
            for j in range(i + 1, 2 * count):
                if (
                    cost[i, j] < least
                    and partner[i] < 0
                    and partner[j] < 0
                    and group[i // 2] != group[j // 2]
                ):
                    a, b, least = i, j, cost[i, j]
        if least == math.inf:
            return partner
        partner[a], partner[b] = b, a
        old, new = group[a // 2], group[b // 2]
        for k in range(count):
            if group[k] == old:
                group[k] = new


def costs(points: np.ndarray, begins: np.ndarray, count: int) -> np.ndarray:
    """What it takes to join end i with end j > i (2 count, 2 count); inf where it may not be."""
    tips = np.empty((2 * count, 5))
    for k in range(count):
        begin, last = begins[k], begins[k + 1] - 1
        back = min(LOOK_BACK - 1, last - begin)
        tip(points, begin, begin + back, last + 1 - begin, tips[2 * k])
        tip(points, last, last - back, last + 1 - begin, tips[2 * k + 1])
    cost = np.empty((2 * count, 2 * count))
    for i in range(2 * count):
        for j in range(i + 1, 2 * count):
            cost[i, j] = cost_of(tips[i], tips[j])
    return cost


def tip(points: np.ndarray, end: int, back: int, rows: int, out: np.ndarray) -> None:
    """An end: x, y, the unit vector out of the stroke there, and the length in cells of its `rows`."""
    dx, dy = points[end, 0] - points[back, 0], points[end, 1] - points[back, 1]
    norm = max(math.sqrt(dx * dx + dy * dy), 1e-9)
    out[0], out[1] = points[end, 0], points[end, 1]
    out[2], out[3], out[4] = dx / norm, dy / norm, SPACING * rows


def cost_of(a: np.ndarray, b: np.ndarray) -> float:
    """Of joining two tips: distance and how far they miss each other, in cells; inf if they may not be."""
    x, y = b[0] - a[0], b[1] - a[1]
    distance = math.sqrt(x * x + y * y)
    if distance >= min(MAX_GAP, 6 + 1.5 * min(a[4], b[4])) or a[2] * b[2] + a[3] * b[3] >= -0.85:
        return math.inf
    if x * a[2] + y * a[3] <= -3 or -x * b[2] - y * b[3] <= -3:  # behind the end
        return math.inf
    aside_a, aside_b = abs(x * a[3] - y * a[2]), abs(x * b[3] - y * b[2])
    if max(aside_a, aside_b) >= 2 + 0.2 * distance:
        return math.inf
    return distance + 3 * (aside_a + aside_b)


def smooth(rows: np.ndarray, begin: int, end: int, fits: np.ndarray, out: np.ndarray, n: int) -> int:
    """Line rows[begin:end] to points about SPACING apart, an odd number of them, in out[n:]; the new n.

    Curves and ends stay: each point goes where a parabola through its neighbourhood says (Savitzky and Golay
    1964).
    """
    even = evenly(rows, begin, end)
    count = len(even)
    size = min(WINDOW, count)
    for i in range(count):
        first = min(max(i - size // 2, 0), count - size)
        x = y = 0.0
        for k in range(size):
            weight = fits[size // 2, i - first, k]
            x += weight * even[first + k, 0]
            y += weight * even[first + k, 1]
        out[n + i, 0], out[n + i, 1] = x, y
    return n + count


def evenly(rows: np.ndarray, begin: int, end: int) -> np.ndarray:
    """Points at equal distances along the polyline rows[begin:end], both ends among them: (odd, 2)."""
    along = np.zeros(end - begin)
    for n in range(1, end - begin):
        along[n] = along[n - 1] + apart(rows, begin + n)
    count = 2 * max(1, round(along[-1] / SPACING / 2)) + 1
    even = np.empty((count, 2))
    n = 0
    for i in range(count):
        at = i * (along[-1] / (count - 1))
        while n < end - begin - 2 and along[n + 1] <= at:
            n += 1
        part = min((at - along[n]) / max(along[n + 1] - along[n], 1e-9), 1.0)
        for c in range(2):
            even[i, c] = rows[begin + n, c] + part * (rows[begin + n + 1, c] - rows[begin + n, c])
    return even


def near_to_far(points: np.ndarray, begin: int, end: int) -> None:
    """Turn points[begin:end] round, in place, if they begin above where they end."""
    if points[begin, 1] >= points[end - 1, 1]:
        return
    for n in range((end - begin) // 2):
        for c in range(2):
            a, b = points[begin + n, c], points[end - 1 - n, c]
            points[begin + n, c], points[end - 1 - n, c] = b, a


def see(
    paint: np.ndarray, points: np.ndarray, begin: int, end: int, to_image: np.ndarray, facts: np.ndarray
) -> None:
    """Fill facts[1:] of a line: the share of its points that see paint, and how often that changes."""
    seen = changes = 0
    before = False
    for n in range(begin, end):
        now = painted(paint, points[n, 0] + to_image[0, 0], points[n, 1] + to_image[0, 1])
        seen += now
        changes += n > begin and now != before
        before = now
    facts[1], facts[2] = seen / (end - begin), changes


def painted(paint: np.ndarray, x: float, y: float) -> bool:
    """Whether there is paint in the 3 x 3 cells around a point of the whole map."""
    f = int(math.sqrt(paint.shape[0]))
    row = int(min(max(y, 1.0), f * paint.shape[1] - 2.0))
    column = int(min(max(x, 1.0), f * paint.shape[2] - 2.0))
    for i in range(row - 1, row + 2):
        for j in range(column - 1, column + 2):
            if paint[i % f * f + j % f, i // f, j // f] > PAINT:
                return True
    return False


def left_to_right(points: np.ndarray, ends: np.ndarray, count: int, bottom: float) -> np.ndarray:
    """Lines in the order in which their near ends, drawn on, meet the row `bottom`: (count,) numbers."""
    at, order = np.empty(count), np.empty(count, np.int64)
    for k in range(count):
        near, far = ends[k], min(ends[k] + 8, ends[k + 1] - 1)
        dx, dy = points[far, 0] - points[near, 0], points[far, 1] - points[near, 1]
        at[k] = points[near, 0] + dx * (bottom - points[near, 1]) / min(dy, -0.1)
        n = k
        while n > 0 and at[order[n - 1]] > at[k]:
            order[n] = order[n - 1]
            n -= 1
        order[n] = k
    return order


def given_out(
    points: np.ndarray, ends: np.ndarray, facts: np.ndarray, order: np.ndarray, to_image: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lines in `order`, every KEEPth point, in image pixels and clipped to the image: see `lines`."""
    out, begins = np.empty((ends[len(order)], 2), np.float32), np.zeros(len(order) + 1, np.int64)
    sorted_facts = np.empty((len(order), 3))
    n = 0
    for k in range(len(order)):
        for m in range(ends[order[k]], ends[order[k] + 1], KEEP):
            for c in range(2):
                at = (points[m, c] + to_image[0, c] - to_image[1, c]) * to_image[2, c]
                out[n, c] = min(max(at, 0.0), to_image[3, c])
            n += 1
        begins[k + 1] = n
        for c in range(3):
            sorted_facts[k, c] = facts[order[k], c]
    return out[:n], begins, sorted_facts


def parabolas() -> np.ndarray:
    """(w // 2 + 1, w, w) for w = WINDOW: [n // 2, i, :n] takes n values to their parabola at i, n odd."""
    out = np.zeros((WINDOW // 2 + 1, WINDOW, WINDOW))
    for n in range(3, WINDOW + 1, 2):
        powers = np.vander(np.linspace(-1, 1, n), 3)
        out[n // 2, :n, :n] = powers @ np.linalg.pinv(powers)
    return out

"""TuSimple and CULane, against cases worked out by hand and a second computation of other make."""

from itertools import permutations

import cv2
import numpy as np
import pytest

from perception.tasks.lanes.assignment import best_pairs
from perception.tasks.lanes.benchmarks import CuLaneLines, TuSimpleLines, band, curve
from perception.types import LaneLine, Scene

ROWS = tuple(range(200, 400, 10))


def line(*points):
    return LaneLine(np.array(points, np.float32) + np.float32(0.5), None, 1.0, 0)


def upright(x, bottom=390, top=200):
    return line((x, bottom), (x, top))


def slanted(shift=0):
    """45 degrees: dx/dy = -1."""
    return line((300 + shift, 390), (490 + shift, 200))


def scene(lines, size=(1280, 720)):
    return Scene(0, 0, size, lanes=tuple(lines))


def metrics(metric, true, found, size=(1280, 720)):
    metric.update(scene(true, size), scene(found, size))
    return metric.result()


FOUR = [upright(x) for x in (100, 400, 700, 1000)]
FIVE = [*FOUR, upright(1200)]
TUSIMPLE = {  # true, found: accuracy, fp, fn
    "the same": (FOUR, FOUR, (1, 0, 0)),
    "19 pixels beside": (FOUR[:1], [upright(119)], (1, 0, 0)),
    "20 pixels beside": (FOUR[:1], [upright(120)], (0, 1, 1)),
    "28 pixels beside a slanted line": ([slanted()], [slanted(28)], (1, 0, 0)),  # 20 / cos 45 = 28.3
    "29 pixels beside a slanted line": ([slanted()], [slanted(29)], (0, 1, 1)),
    "17 of 20 rows": (FOUR[:1], [upright(100, top=230)], (17 / 20, 0, 0)),
    "16 of 20 rows": (FOUR[:1], [upright(100, top=240)], (16 / 20, 1, 1)),
    "rows where neither is": ([upright(100, top=300)], [upright(100, top=300)], (1, 0, 0)),
    "one of four missed": (FOUR, FOUR[:3], (3 / 4, 0, 1 / 4)),
    "one of five missed": (FIVE, FOUR, (1, 0, 0)),
    "two of five missed": (FIVE, FOUR[:3], (3 / 4, 0, 1 / 4)),
    "a false one": (FOUR[:1], [upright(100), upright(600)], (1, 1 / 2, 0)),
    "two too many": (FOUR[:1], [upright(100), upright(600), upright(900)], (1, 2 / 3, 0)),
    "three too many": (FOUR[:1], [upright(x) for x in (100, 600, 800, 900)], (0, 0, 1)),
    "nothing found": (FOUR, [], (0, 0, 1)),
    "nothing there": ([], [upright(100)], (0, 1, 0)),
    "nothing at all": ([], [], (0, 0, 0)),
}


@pytest.mark.parametrize(("true", "found", "expected"), TUSIMPLE.values(), ids=TUSIMPLE)
def test_tusimple_by_hand(true, found, expected):
    got = metrics(TuSimpleLines(ROWS), true, found)
    assert (got["accuracy"], got["fp"], got["fn"]) == pytest.approx(expected)


def independent_tusimple(true, found):
    """Accuracy, fp, fn from lists of x (None: not there), written line by line from the rules."""
    if len(found) > len(true) + 2:
        return 0.0, 0.0, 1.0
    accuracies = []
    for xs in true:
        there = [(y, x) for y, x in zip(ROWS, xs, strict=True) if x is not None]
        slope = np.polyfit(*zip(*there, strict=True), 1)[0] if len(there) > 1 else 0.0
        limit = 20 * np.sqrt(1 + slope**2)
        shares = [sum(same(a, b, limit) for a, b in zip(xs, other, strict=True)) / 20 for other in found]
        accuracies.append(max(shares, default=0.0))
    matches = sum(share >= 0.85 for share in accuracies)
    missed, asked = len(true) - matches, min(4, max(1, len(true)))
    total = sum(sorted(accuracies, reverse=True)[:4]) if len(true) > 4 else sum(accuracies)
    missed -= len(true) > 4 and missed > 0
    return total / asked, (len(found) - matches) / len(found) if found else 0.0, missed / asked


def same(a, b, limit):
    if a is None or b is None:
        return a is b
    return abs(a - b) < limit


@pytest.mark.parametrize("seed", range(8))
def test_tusimple_of_random_pictures_equals_a_second_computation(seed):
    rng = np.random.default_rng(seed)
    metric, expected = TuSimpleLines(ROWS), []
    for _ in range(10):
        true = [random_xs(rng) for _ in range(rng.integers(1, 6))]
        moved = [[x if x is None else x + float(d) for x in xs] for xs in true for d in [rng.normal(0, 15)]]
        found = moved[: rng.integers(0, 7)] + [random_xs(rng) for _ in range(rng.integers(0, 3))]
        expected.append(independent_tusimple(true, found))
        metric.update(scene(map(from_xs, true)), scene(map(from_xs, found)))
    got = metric.result()
    assert [got[name] for name in ("accuracy", "fp", "fn")] == pytest.approx(np.mean(expected, 0), abs=1e-4)


def random_xs(rng):
    top, x, slope = rng.integers(0, 8), rng.uniform(200, 900), rng.uniform(-2, 2)
    return [None if i < top else round(float(x + slope * (y - 300))) for i, y in enumerate(ROWS)]


def from_xs(xs):
    return line(*[(x, y) for x, y in zip(xs, ROWS, strict=True) if x is not None][::-1])


CANVAS = (1640, 590)
CULANE = {  # true, found: true positives, false positives, false negatives
    "the same": ([400], [400], (1, 0, 0)),
    "9 pixels beside": ([400], [409], (1, 0, 0)),  # strokes 31 pixels wide: 22 / 40
    "12 pixels beside": ([400], [412], (0, 1, 1)),  # 19 / 43
    "two and a false one": ([400, 800], [400, 801, 1200], (2, 1, 0)),
    "one of two": ([400, 800], [800], (1, 0, 1)),
    "found twice": ([400], [400, 402], (1, 1, 0)),
    "nothing found": ([400], [], (0, 0, 1)),
    "nothing there": ([], [400], (0, 1, 0)),
}


@pytest.mark.parametrize(("true", "found", "expected"), CULANE.values(), ids=CULANE)
def test_culane_by_hand(true, found, expected):
    lines = [[line((x, 580), (x, 400), (x, 250)) for x in xs] for xs in (true, found)]
    metric = CuLaneLines()
    metric.update(*(scene(side, CANVAS) for side in lines))
    assert metric.evidence()["/culane"].values.tolist() == list(expected)


def test_culane_scores_are_those_of_the_pooled_counts():
    metric = CuLaneLines()
    both, one = [line((x, 580), (x, 250)) for x in (400, 800)], [line((400, 580), (400, 250))]
    metric.update(scene(both, CANVAS), scene(one, CANVAS))
    metric.update(scene(one, CANVAS), scene(both, CANVAS))
    assert set(metric.result().values()) == {2 / 3}
    assert list(metric.result()) == ["culane_precision", "culane_recall", "culane_f1"]


@pytest.mark.parametrize("shift", [0, 5, 10, 20, 40])
def test_the_overlap_of_upright_lines_is_that_of_rectangles(shift):
    """Pixels of two strokes, counted by columns where the ends do not matter."""
    a, b = (band(line((x, 590), (x, -100)), CANVAS) for x in (600, 600 + shift))
    width = np.count_nonzero(a[300])
    assert width == 31
    assert np.count_nonzero(a[300] & b[300]) == max(0, width - shift)


def independent_culane(true, found):
    """Right, false and missed lines, of points (m, 2): another spline, another brush, every pairing tried."""
    bands = [[drawn(points) for points in side] for side in (true, found)]
    overlap = np.array([[(a & b).sum() / (a | b).sum() for b in bands[1]] for a in bands[0]])
    few, many = sorted(overlap.shape)
    wide = overlap if overlap.shape == (few, many) else overlap.T
    best = max(permutations(range(many), few), key=lambda c: sum(wide[i, j] for i, j in enumerate(c)))
    right = sum(wide[i, j] > 0.5 for i, j in enumerate(best))
    return right, len(found) - right, len(true) - right


def drawn(points):
    canvas = np.zeros((590, 1640), np.uint8)
    path = np.round(spline(np.array(points, float))).astype(np.int32)
    cv2.polylines(canvas, [path[:, None]], False, 1, 30)
    return canvas.astype(bool)


def spline(points):
    """A natural cubic one over the distances: the coefficients of all pieces from one system."""
    h = np.hypot(*np.diff(points, axis=0).T)
    n = len(h)
    left, right = np.zeros((4 * n, 4 * n)), np.zeros((4 * n, 2))
    for i, t in enumerate(h):
        left[i, 4 * i : 4 * i + 4], right[i] = powers(0), points[i]
        left[n + i, 4 * i : 4 * i + 4], right[n + i] = powers(t), points[i + 1]
        if i + 1 < n:  # slope and bend go on
            left[2 * n + i, 4 * i : 4 * i + 8] = [0, 1, 2 * t, 3 * t**2, 0, -1, 0, 0]
            left[3 * n + i, 4 * i : 4 * i + 8] = [0, 0, 2, 6 * t, 0, 0, -2, 0]
    left[3 * n - 1, 2] = left[4 * n - 1, -2] = 2
    left[4 * n - 1, -1] = 6 * h[-1]
    parts = np.linalg.solve(left, right).reshape(n, 4, 2)
    steps = [[powers(t) for t in np.arange(50) / 50 * length] for length in h]
    return np.concatenate([np.array(step) @ part for step, part in zip(steps, parts, strict=True)])


def powers(t):
    return [1, t, t**2, t**3]


@pytest.mark.parametrize("seed", range(4))
def test_culane_of_random_pictures_equals_an_independent_port(seed):
    rng = np.random.default_rng(seed)
    metric, expected = CuLaneLines(), np.zeros(3)
    for _ in range(3):
        sides = [[bent(rng, x) for x in rng.uniform(200, 1400, rng.integers(1, 4))]]
        moves = rng.choice([3, 8, 40], len(sides[0]))
        sides.append([points + (move, 0) for points, move in zip(sides[0], moves, strict=True)])
        metric.update(*(scene([line(*points) for points in side], CANVAS) for side in sides))
        expected += independent_culane(*sides)
    assert metric.evidence()["/culane"].values.tolist() == expected.tolist()


def bent(rng, x):
    """(6, 2) points of a line from the bottom up."""
    return np.column_stack([x + rng.normal(0, 8, 6).cumsum(), np.linspace(580, 300, 6)])


def test_a_picture_of_another_size_is_judged_on_the_canvas():
    half = CuLaneLines()
    half.update(
        scene([line((200, 290), (200, 125))], (820, 295)), scene([line((207, 290), (207, 125))], (820, 295))
    )
    assert half.evidence()["/culane"].values.tolist() == [0, 1, 1]  # 7 pixels are 14 on the canvas


def test_the_curve_goes_through_its_points_and_is_smooth():
    points = np.array([(0, 0), (10, 5), (20, 0), (35, -5), (50, 0)], float)
    drawn = curve(points)
    assert len(drawn) == 4 * 50 + 1
    assert drawn[::50] == pytest.approx(points)
    steps = np.diff(drawn, axis=0)
    turn = np.abs(np.diff(np.arctan2(steps[:, 1], steps[:, 0])))
    assert turn.max() < 0.1


@pytest.mark.parametrize("shape", [(1, 1), (2, 4), (4, 2), (5, 5), (0, 3), (3, 0)])
def test_the_pairing_with_the_greatest_sum(shape):
    for seed in range(20):
        worth = np.random.default_rng(seed).uniform(0, 1, shape).round(1)
        pairs = best_pairs(worth)
        wide = worth if shape[0] <= shape[1] else worth.T
        best = max(
            sum(wide[i, j] for i, j in enumerate(c)) for c in permutations(range(wide.shape[1]), len(wide))
        )
        assert sum(worth[pair] for pair in pairs) == pytest.approx(best)
        assert len(pairs) == min(shape) == len({i for i, _ in pairs}) == len({j for _, j in pairs})

"""Strokes to lines, and smoothing: on points given here."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception.kernels import lines


def link(strokes: list[np.ndarray]) -> list[np.ndarray]:
    """Strokes (n, 2) to lines (n, 2)."""
    begins = np.cumsum([0, *map(len, strokes)])
    points = np.concatenate([np.zeros((0, 2)), *strokes])
    rows, first = lines.chained(np.pad(points, ((0, 0), (0, 1))), begins, len(strokes))
    return [rows[a:b, :2] for a, b in pairwise(first)]


def smooth(line: np.ndarray) -> np.ndarray:
    out = np.empty((1000, 2))
    return out[: lines.smooth(line, 0, len(line), lines.parabolas(), out, 0)]


def straight(start: tuple[float, float], end: tuple[float, float]) -> np.ndarray:
    n = round(np.hypot(end[0] - start[0], end[1] - start[1]) / 2) + 1
    return np.linspace(start, end, n)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 12))
def test_each_point_is_in_exactly_one_line(seed, count):
    ends = np.random.default_rng(seed).uniform(0, 60, (count, 2, 2))
    strokes = [straight(*pair) for pair in ends]
    got = [tuple(point) for line in link(strokes) for point in line]
    assert sorted(got) == sorted(tuple(point) for stroke in strokes for point in stroke)


@pytest.mark.parametrize("turned", [0, 1, 2, 3])
def test_a_line_is_in_order_whichever_way_its_strokes_run(turned):
    strokes = [straight((0, 0), (20, 0)), straight((30, 0), (50, 0)), straight((60, 0), (80, 0))]
    (line,) = link([s[::-1] if turned >> k & 1 else s for k, s in enumerate(strokes)])
    assert (np.diff(line[:, 0]) > 0).all() or (np.diff(line[:, 0]) < 0).all()


def test_two_halves_of_a_ring_are_joined_once():
    angle = np.linspace(0, np.pi, 60)
    upper = 40 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    (line,) = link([upper, -upper])
    assert len(line) == 120


def test_strokes_side_by_side_are_two_lines():
    assert len(link([straight((0, 0), (40, 0)), straight((20, 1.5), (60, 1.5))])) == 2


def test_the_straighter_of_two_goes_on():
    below, ahead, turning = ((0, 0), (40, 0)), ((50, 0), (90, 0)), ((50, 3), (90, 12))
    lines = link([straight(*below), straight(*turning), straight(*ahead)])
    assert len(lines) == 2
    assert max(lines, key=len)[:, 1].max() == 0


def parted(line: np.ndarray) -> list[np.ndarray]:
    return [line[a:b] for a, b in lines.parted(line, np.array([0, len(line)]))]


def test_a_line_that_comes_back_down_from_the_horizon_is_two():
    x = np.arange(0, 121, 2.0)
    left, right = parted(np.stack([x, 40 + 30 * np.cos(x * np.pi / 60)], axis=1))
    assert left[-1, 0] < 60 < right[0, 0]
    assert min(left[-1, 1], right[0, 1]) > 11  # the top is 10


@pytest.mark.parametrize("drop", [0.0, 4.0])  # cells, behind the top of a bend
def test_a_line_that_bends_away_at_the_horizon_is_one(drop):
    steep, flat = straight((0, 60), (40, 10)), straight((42, 10), (80, 10 + drop))
    assert len(parted(np.concatenate([steep, flat]))) == 1


@given(st.lists(st.floats(0, 40), min_size=3, max_size=20))
def test_parts_of_a_line_are_in_order_and_no_single_points(rows):
    line = np.stack([np.arange(len(rows)), rows], axis=1)
    parts = parted(line)
    assert [len(part) >= 2 for part in parts] == [True] * len(parts)
    assert (np.diff(np.concatenate(parts)[:, 0]) >= 1).all()


@pytest.mark.parametrize("length", [1.0, 3.0, 37.0, 200.0])
def test_smoothing_leaves_a_straight_line_where_it_is(length):
    rows = smooth(np.linspace((3, 5), (3 + length, 5), 7))
    assert len(rows) % 2 == 1  # so that every second point includes both ends
    np.testing.assert_allclose(rows[:, 1], 5)
    np.testing.assert_allclose(rows[[0, -1], 0], [3, 3 + length])


def test_smoothing_takes_noise_off_a_curve():
    x = np.linspace(0, 120, 61)
    curve = np.stack([x, 0.005 * x**2], axis=1)
    noisy = curve + np.random.default_rng(0).normal(0, 0.5, curve.shape)
    got = smooth(noisy)
    error = got[:, 1] - 0.005 * got[:, 0] ** 2
    assert error.std() < 0.4  # of 0.5

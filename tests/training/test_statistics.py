"""Intervals, differences, ranks and see-saw: against values that are known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from perception.training.analysis.groups import rank_correlation
from perception.training.analysis.statistics import (
    delta,
    delta_m,
    half_width,
    interval,
    mean_ranks,
    points,
    relative,
    see_saw,
)


def test_an_interval_is_student_s():
    found = interval([1.0, 2.0, 3.0])
    assert found.mean == 2
    assert found.half == pytest.approx(4.30 / math.sqrt(3), rel=1e-3)
    assert interval([5.0]).half == math.inf
    assert not interval([-5.0]).below_zero
    with pytest.raises(ValueError, match="at least one"):
        interval([])


@pytest.mark.parametrize(
    ("count", "t"), [(16, 2.1314), (17, 2.1199), (25, 2.0639), (31, 2.0423), (121, 1.9799)]
)
def test_many_seeds_get_student_s_t_too(count, t):
    assert half_width(math.sqrt(count), count) == pytest.approx(t, abs=0.005)


@pytest.mark.parametrize("seed", range(3))
def test_intervals_hold_the_truth_about_19_times_of_20(seed):
    rng = np.random.default_rng(seed)
    held = [abs((found := interval(rng.normal(3, 2, 5))).mean - 3) <= found.half for _ in range(2000)]
    assert np.mean(held) == pytest.approx(0.95, abs=0.02)


def test_differences_are_paired_by_seed_and_relative():
    assert relative(0.55, 0.5) == pytest.approx(10)
    found = delta({0: 0.55, 1: 0.66, 7: 9.9}, {0: 0.5, 1: 0.6})
    assert (found.mean, found.half, found.count) == (pytest.approx(10), pytest.approx(0, abs=1e-9), 2)
    assert delta({0: 0.55, 1: 0.66}, {0: 0.5, 1: 0.6}, points).mean == pytest.approx(5.5)
    assert delta({0: 1.0}, {1: 1.0}) is None


def test_delta_m_is_the_mean_over_tasks():
    found = delta_m({"lanes": {0: 0.55}, "signs": {0: 0.8}}, {"lanes": {0: 0.5}, "signs": {0: 1.0}})
    assert found.mean == pytest.approx(-5)


def test_ranks():
    scores = {"a": {"lanes": 0.9, "signs": 0.1}, "b": {"lanes": 0.8, "signs": 0.1}, "c": {"lanes": 0.1}}
    found = mean_ranks(scores)
    assert found == {"a": 1.25, "b": 1.75, "c": 3.0}


def test_see_saw_is_minus_one_when_one_gains_what_the_other_loses():
    rng = np.random.default_rng(0)
    pairs = zip(rng.normal(size=6).cumsum(), rng.random(6), strict=True)
    history = [{"lanes": x, "signs": 1 - x, "drivable": y} for x, y in pairs]
    found = see_saw([history])
    assert found["lanes|signs"] == pytest.approx(-1)
    assert abs(found["drivable|lanes"]) < 1


def test_rank_correlation():
    assert rank_correlation([1, 2, 3], [10, 20, 25]) == pytest.approx(1)
    assert rank_correlation([1, 2, 3], [3, 2, 1]) == pytest.approx(-1)
    assert rank_correlation([1, 1, 1], [3, 2, 1]) == 0

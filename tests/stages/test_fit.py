"""Fits and rates are those of numpy."""

import numpy as np
import pytest

from perception.stages.assist.rates import Rates
from perception.stages.fit import bowed, fitted

RNG = np.random.default_rng(4)
X = np.sort(RNG.uniform(5, 60, 40))
Y = 1.5 + 0.02 * X + 0.001 * X * X + RNG.normal(0, 0.1, 40)


def test_a_line_is_that_of_polyfit():
    np.testing.assert_allclose(fitted(X, Y), np.polyfit(X, Y, 1), rtol=1e-10)


@pytest.mark.parametrize("degree", [1, 2])
def test_a_parabola_is_that_of_polyfit(degree):
    weight = 1 / np.maximum(X, 5)
    wanted = np.zeros(3)
    wanted[: degree + 1] = np.polyfit(X, Y, degree, w=weight)[::-1]
    np.testing.assert_allclose(bowed(X, Y, weight, degree == 2), wanted, rtol=1e-8, atol=1e-12)


def test_a_rate_is_the_slope_over_the_span():
    rates, values = Rates[str](), RNG.normal(0, 1, 20)
    for k in range(20):
        told = rates(k * 0.1, {"a": float(values[k])})
    assert told["a"] == pytest.approx(np.polyfit(np.arange(9) * 0.1, values[-9:], 1)[0])


def test_what_is_not_told_is_forgotten_and_too_many_have_no_rate():
    rates = Rates[int]()
    for k in range(9):
        told = rates(k * 0.1, {key: float(k) for key in range(200) if key or not 2 < k < 7})
    assert told[0] is None
    assert told[1] == pytest.approx(10)
    assert told[199] is None

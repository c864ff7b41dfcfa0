"""What a head expects of its answer, against plain numpy."""

import numpy as np
import pytest

from perception.kernels.expected import area, doubtful, length
from perception.kernels.reference import sigmoid

THRESHOLDS = np.array([0.5, 1.0], np.float32)


def test_intersection_and_union_are_sums_of_probabilities():
    logits = np.random.default_rng(0).normal(0, 3, (12, 20)).astype(np.float32)
    p, inside = sigmoid(logits), logits > 0.4
    assert area(logits, 0.4) == pytest.approx((p[inside].sum(), inside.sum() + p[~inside].sum()), rel=1e-5)


def level(*cells):
    """Two classes and 6 x 8 cells, of -9 but for some (class, row, column, logit)."""
    logits = np.full((2, 6, 8), -9.0, np.float32)
    for class_id, row, column, value in cells:
        logits[class_id, row, column] = value
    return logits


def test_peaks_between_the_two_thresholds_are_doubtful():
    levels = level((0, 0, 0, 0.2), (1, 4, 7, 0.9)), level((1, 2, 2, -0.5), (0, 2, 5, -1.5))
    expected = sigmoid(np.array([0.2, 0.9, -0.5])).sum()
    assert doubtful(levels, THRESHOLDS, -1.0) == pytest.approx(expected)


def test_what_lies_beside_or_under_something_better_is_not():
    beside = level((1, 2, 2, 2.0), (0, 3, 3, 0.1))
    under = level((1, 2, 2, 2.0), (0, 2, 2, 0.1))
    assert doubtful((beside, under), THRESHOLDS, -1.0) == 0


def test_a_line_is_as_long_as_its_parts():
    assert length(np.array([(0, 0), (3, 4), (3, 10)], np.float32)) == pytest.approx(11)
    assert length(np.zeros((1, 2), np.float32)) == 0

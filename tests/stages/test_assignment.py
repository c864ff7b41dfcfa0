"""The cheapest pairing, against all pairings."""

from itertools import permutations

import numpy as np
import pytest

from perception.stages.assignment import NEVER, assigned


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (5, 3), (4, 4)])
@pytest.mark.parametrize("whole", [False, True])
def test_it_is_the_cheapest_of_all(shape, whole):
    rng = np.random.default_rng(0)
    for _ in range(20):
        cost = rng.uniform(0, 4, shape)
        cost = cost.round() if whole else cost
        small = cost if shape[0] <= shape[1] else cost.T
        best = min(
            small[range(len(small)), list(columns)].sum()
            for columns in permutations(range(small.shape[1]), len(small))
        )
        column = assigned(cost)
        rows = np.flatnonzero(column >= 0)
        assert cost[rows, column[rows]].sum() == pytest.approx(best)
        assert len(set(column[rows])) == min(shape)


def test_a_pair_that_must_not_be_is_left_out():
    assert assigned(np.array([[NEVER, 1.0], [NEVER, 2.0]])).tolist() == [1, -1]

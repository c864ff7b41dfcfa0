"""Edges of the own vehicle."""

import numpy as np
import pytest

from perception.labels.own_vehicle import EDGES, below


@pytest.mark.parametrize("drive", EDGES)
def test_an_edge_runs_through_the_whole_width_from_left_to_right(drive: str) -> None:
    points = np.array(EDGES[drive])
    assert points[[0, -1], 0].tolist() == [0.0, 1.0]
    assert (np.diff(points[:, 0]) > 0).all()
    assert ((points[:, 1] > 0.5) & (points[:, 1] < 1)).all()


def test_what_lies_under_a_slanted_edge_is_below_it() -> None:
    mask = below(((0.0, 0.0), (1.0, 1.0)), (8, 4))
    assert mask.shape == (4, 8)
    assert mask[:, 0].tolist() == [True, True, True, True]
    assert mask[:, 7].tolist() == [False, False, False, False]
    assert mask[:, 3].tolist() == [False, False, True, True]

"""Which pictures set the ranges."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.int8 import frames
from perception.errors import DataError
from perception.letterbox import PAD
from perception.training.data.sample import Sample


def grey(level, count, size=(64, 32)):
    return [Sample(np.full((size[1], size[0], 3), level, np.uint8))] * count


SOURCES = {"a": grey(10, 1), "b": grey(20, 50), "none": [], "tall": grey(30, 2, (32, 64))}


def test_every_data_set_has_the_same_share_and_an_empty_one_none():
    drawn = frames.frames(SOURCES, (64, 32), 9)
    assert drawn.shape == (9, 32, 64, 3)
    assert drawn[:, 16, 32, 0].tolist() == [10, 20, 30] * 3


def test_pictures_are_letterboxed_as_in_use():
    tall = frames.frames(SOURCES, (64, 32), 3)[2]
    assert (tall[:, :24] == PAD).all()
    assert (tall[:, 24:40] == 30).all()


def test_the_draw_is_seeded():
    rng = np.random.default_rng(0)
    sources = {"a": [Sample(rng.integers(0, 256, (32, 64, 3), np.uint8)) for _ in range(20)]}
    first, again, other = (frames.frames(sources, (64, 32), 5, seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


@pytest.mark.parametrize("count", [2, 9])
def test_sign_crops_as_the_network_is_given_them(count):
    signs = [(np.full((20, 30, 3), level, np.uint8), np.array([5.0, 5, 15, 15]), 0) for level in (7, 8, 9)]
    crops = frames.crops(signs, count)
    assert crops.shape == (count, 64, 64, 3)
    assert set(np.unique(crops)) <= {7, 8, 9}
    assert len(np.unique(crops)) > 1


def test_nothing_to_draw_from_is_named():
    with pytest.raises(DataError, match="pictures of a, b to calibrate on, found none"):
        frames.frames({"a": [], "b": []}, (64, 32), 4)
    with pytest.raises(DataError, match="sign crops"):
        frames.crops([], 4)

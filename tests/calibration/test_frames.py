"""Frames of drives: spread over time and light, the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.int8 import frames
from perception.errors import DataError
from perception.types import Frame

SIZE = (32, 32)


class Drive:
    """`count` grey frames whose brightness is given by `light(number)`."""

    images, fps, lost = False, None, 0

    def __init__(self, count, light, live=False):
        self.count, self.light, self.live, self.closed = count, light, live, False

    def __iter__(self):
        for seq in range(self.count):
            yield Frame(np.full((32, 32, 3), self.light(seq), np.uint8), 0, seq)

    def close(self):
        self.closed = True


def levels(images):
    return sorted(images.mean((1, 2, 3)).round().astype(int).tolist())


@pytest.mark.parametrize("length", [5, 16, 17, 1000])
def test_frames_come_from_all_of_a_drive(length):
    drive = Drive(length, lambda n: n * 250 // length)
    found = levels(frames.drives([drive], SIZE, 4))
    assert drive.closed
    assert len(found) == 4
    assert all(place * 62 <= level + 13 and level <= (place + 1) * 63 for place, level in enumerate(found))


@pytest.mark.parametrize("seed", range(5))
def test_few_dark_frames_are_not_missed(seed):
    """A quarter of a drive lies in shadow, here and there: a quarter of the choice does."""
    dark = set(np.random.default_rng(seed).permutation(32)[:8].tolist())
    shady = Drive(32, lambda n: 10 if n in dark else 200)
    assert levels(frames.drives([shady], SIZE, 8, seed)) == [10, 10] + 6 * [200]


def test_drives_have_equal_shares_and_short_ones_give_what_they_have():
    drives = [Drive(100, lambda n: 20), Drive(2, lambda n: 220)]
    assert levels(frames.drives(drives, SIZE, 8)) == 4 * [20] + 2 * [220]
    assert len(frames.drives(3 * [Drive(9, lambda n: n)], SIZE, 2)) == 2


def test_the_seed_decides():
    drive = Drive(300, lambda n: n % 256)
    first, again, other = (levels(frames.drives([drive], SIZE, 6, seed)) for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_what_cannot_be_drawn_from_is_refused():
    with pytest.raises(DataError, match="got 1 without one"):
        frames.drives([Drive(0, lambda n: 0)], SIZE, 4)
    with pytest.raises(DataError, match="got a live source; record it first"):
        frames.drives([Drive(9, lambda n: 0, live=True)], SIZE, 4)

"""Sixteen bits are narrowed alike in all pictures of a source."""

import numpy as np
import pytest

from perception.white import DEEP, SAMPLES, TWELVE, White, sample


def narrowed(white, *brightest):
    return [int(white.narrowed(np.array([[2000, value]], np.uint16))[0, 0]) for value in brightest]


def test_pictures_that_come_one_by_one_keep_what_the_brightest_says(caplog):
    assert narrowed(White("/front"), 2000, 4095, 4096, 2000) == [125, 125, 8, 8]
    assert [record.message for record in caplog.records] == [
        f"/front: white is {value} in these 16-bit pictures" for value in (TWELVE, DEEP)
    ]


def test_pictures_that_can_be_looked_at_beforehand_are():
    assert narrowed(White("folder", lambda: [4096]), 2000, 2000) == [8, 8]
    assert narrowed(White("folder", lambda: [2000]), 2000, 2000) == [125, 125]


@pytest.mark.parametrize("count", [1, SAMPLES, SAMPLES + 1, 1000])
def test_a_sample_is_spread_from_the_first_to_the_last(count):
    drawn = sample(range(count))
    assert (drawn[0], drawn[-1], len(set(drawn))) == (0, count - 1, min(count, SAMPLES))

"""The time between two stamps is the time that passed, whatever is done to the clock of the world."""

from itertools import pairwise

from perception.sources.stamps import Stamps

STEP = 100_000_000  # ns from frame to frame


def stamps(*shifts, late=0):
    """Of frames STEP apart; `shifts`: the clock of the world less the monotonic one."""
    found = Stamps()
    return [found.of(k * STEP - late, k * STEP + shift, k * STEP) for k, shift in enumerate(shifts, 1)]


def test_the_time_of_the_world():
    assert stamps(10**18, 10**18, late=7) == [10**18 + STEP - 7, 10**18 + 2 * STEP - 7]


def test_a_clock_that_is_set_back():
    found = stamps(10**18, 10**18, *[10**18 - 5 * 10**9] * 3)
    assert [after - before for before, after in pairwise(found)] == [STEP] * 4


def test_a_clock_that_was_wrong_for_a_moment():
    found = stamps(0, 10**10, 0, 0)
    assert [after - before for before, after in pairwise(found)] == [STEP + 10**10, STEP, STEP]


def test_a_clock_that_is_set_forward():
    assert stamps(0, 10**10, 10**10) == [STEP, 10**10 + 2 * STEP, 10**10 + 3 * STEP]


def test_read_late_and_out_of_order():
    found = Stamps()
    first = found.of(STEP, 10**18, STEP)
    assert found.of(2 * STEP, 10**18 + STEP, 2 * STEP + 5) == first + STEP  # held up between the clocks
    assert found.of(STEP, 10**18 + STEP, 2 * STEP) == first + STEP + 1  # taken before the one before
    assert found.of(10**15, 10**18 + 2 * STEP, 3 * STEP) == first + 2 * STEP  # of another clock

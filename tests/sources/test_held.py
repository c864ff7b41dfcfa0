"""Whether the process was held up, on a clock of its own."""

from perception.sources.held import EVERY_S, HeldUp


class Clock:
    """Says the next of these times, and then the last one again and again."""

    def __init__(self, *times):
        self.times = list(times)

    def __call__(self):
        return self.times.pop(0) if len(self.times) > 1 else self.times[0]


def looks(*times):
    """What is seen at each, begun at 100."""
    held = HeldUp(Clock(100.0, *times))
    return [held.look() for _ in times]


STEP = EVERY_S + 0.0125  # late, but not too late


def test_who_looks_often_is_not_held_up():
    assert looks(*(100.0 + STEP * k for k in range(1, 40))) == [None] * 39


def test_what_waited_is_told_for_a_while_by_how_long_it_was():
    assert looks(101.0, *(101.0 + STEP * k for k in range(1, 6))) == [100.0] * 4 + [None] * 2
    told = looks(160.0, *(160.0 + STEP * k for k in range(1, 20)))
    assert told == [100.0] * 16 + [None] * 4  # a second is enough for all


def test_a_second_time_in_the_midst_of_it_begins_with_the_first():
    assert looks(101.0, 101.0 + STEP, 102.0) == [100.0, 100.0, 100.0]
    assert looks(100.5, 100.5 + STEP, 100.5 + 2 * STEP, 102.0)[2:] == [None, 100.5 + 2 * STEP]


def test_what_was_seen_to_be_empty_afterwards_holds_nothing_of_it():
    held = HeldUp(Clock(100.0, 101.0, 101.01, 101.02, 101.03))
    assert held.look(100.99) == 100.0
    assert [held.look(101.0), held.look(101.015), held.look()] == [100.0, None, None]

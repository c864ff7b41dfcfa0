"""How old packets without times may be."""

from perception.sources.waited import Wait, Waited

WAITS = [0.08, 0.08, 0, 0.08, 2.0, 0.08]


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def packets(self, *waits):
        """Each comes after so many seconds."""
        for seconds in waits:
            self.now += seconds
            yield seconds


def ages(clock, waits, busy_s=0.0, since_s=100.0, **options):
    """What is said of each packet; the reader is busy for a while after each."""
    waited, told = Waited(clock.packets(*waits), clock, since_s, **options), []
    for _ in waited:
        told.append(round(waited.age_s, 3))
        clock.now += busy_s
    return told


def test_a_packet_that_was_waited_for_is_new():
    assert ages(Clock(), [0.04, 0.04, 0.04], busy_s=0.01) == [0, 0, 0]


def test_what_lay_there_may_be_as_old_as_the_last_wait():
    assert ages(Clock(), [0.04, 0, 0, 0.02], busy_s=0.3) == [0, 0.3, 0.6, 0]


def test_what_was_read_ahead_may_be_as_old_as_the_opening():
    assert ages(Clock(), [0, 0, 0.04], since_s=99.0) == [1, 1, 0]


def test_a_reader_that_knows_when_it_waited_is_believed():
    clock = Clock()
    empty = iter([None, Wait(100.9)])  # it was held up for 0.1 s
    waited = Waited(clock.packets(0.5, 0.5), clock, 100.0, waited=lambda asked_s: next(empty))
    assert [round(waited.age_s, 3) for _ in waited] == [0.5, 0.1]


def test_to_be_held_up_is_no_wait():
    """By 1.4 s in the second packet; what came meanwhile is read one after the other, not at once."""
    clock, held = Clock(), iter([None, 100.1, 100.1, 100.1, None])
    told = ages(clock, [0.08, 1.5, 0.01, 0.01, 0.08], held=lambda empty_s: next(held))
    assert told == [0, 1.48, 1.49, 1.5, 0]


def test_a_packet_that_ends_with_the_beginning_of_the_next_one_came_before():
    assert ages(Clock(), WAITS, behind=lambda: True) == [
        0.08,
        0.08,
        0,
        0.08,
        2.0,
        0.08,
    ]

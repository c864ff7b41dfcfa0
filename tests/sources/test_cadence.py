"""Missing times in a steady sequence, and none in a sequence that is not steady."""

import numpy as np
import pytest

from perception.sources.cadence import Cadence, Slots


def missing(times, pause=1 << 40):
    cadence = Cadence(pause)
    return [k for k, time in enumerate(times) for _ in range(cadence.missing(time))]


@pytest.mark.parametrize("step", [3600, 40, 512])
def test_a_hole_is_counted_where_it_is(step):
    times = [k * step for k in range(60) if k not in (20, 40, 41)]
    assert missing(times) == [20, 39, 39]


def test_whole_milliseconds_are_steady():
    assert missing([round(k * 1000 / 30) for k in range(100) if k != 50]) == [50]


@pytest.mark.parametrize(
    "steps", [[1, 1, 2, 1, 3], [1, 2], [1] * 9 + [2], [3, 3.5, 4.2], [1] * 30 + [2] * 1000]
)
def test_a_changing_rate_is_not_damage(steps):
    assert len(missing(np.cumsum(steps * 6 if len(steps) < 30 else steps) * 1000)) <= 1


def test_a_clock_that_jumps_back_is_not_damage():
    assert missing([*range(0, 800, 40), *range(0, 800, 40)]) == []


def test_a_pause_is_no_damage():
    times = [*range(0, 800, 40), *range(4000, 4800, 40)]
    assert len(missing(times, pause=4000)) == 80
    assert missing(times, pause=2000) == []


@pytest.mark.parametrize("slot", [1, 2])
def test_empty_places_are_counted_at_once(slot):
    slots = Slots(slot)
    assert [slots.missing(place * slot) for place in (0, 1, 4, 5)] == [0, 0, 2, 0]


def test_a_camera_without_a_rate_has_lost_nothing():
    slots = Slots(2)
    assert [slots.missing(place) for place in (0, 2, 5, 6, 9)] == [0] * 5

"""An event that is on ends by the limits of its end, also if a frame did not show it."""

import pytest

from perception.stages.assist import EVENTS
from perception.stages.assist.latch import Latch
from perception.stages.assist.path import Path
from perception.stages.assist.situation import Situation
from perception.stages.assist.thing import Thing
from perception.types import Ego

PATH = Path()
BESIDE = {"ego_left": None, "ego_right": None}


def ahead(x, closing=0.0, offset=0.0, drift=None):
    return Thing(*(1, "vehicle", x, 0.0, offset, 1.0, 0.1), closing=closing, speed=15 - closing, drift=drift)


def headway(seconds):
    return (ahead(15 * seconds),), BESIDE


def collision(seconds):
    return (ahead(5 * seconds, 5.0),), BESIDE


def cut_in(outside):
    """Metres from the path to the near side of the vehicle."""
    return (ahead(10.0, offset=PATH.half_width + 0.9 + outside, drift=-1.0),), BESIDE


def departure(seconds):
    """To the line at the left, with a drift of 0.5 m/s."""
    return (), {**BESIDE, "ego_left": (0.9 + 0.5 * seconds, -0.5)}


@pytest.mark.parametrize(
    ("name", "of", "begins", "goes_on", "ends"),
    [
        ("headway", headway, 0.75, 0.9, 1.05),
        ("collision", collision, 2.5, 3.2, 3.7),
        ("cut_in", cut_in, 0.2, -1.2, -1.9),
        ("lane_departure", departure, 0.8, 1.3, 1.6),
    ],
)
def test_a_frame_that_shows_nothing_does_not_end_an_event(name, of, begins, goes_on, ends):
    """Ten frames a second: it begins, is between its limits from 1 s on, and past its end from 4 s."""
    rule = EVENTS[name]()
    latch, on = Latch(rule.times), []
    for k in range(60):
        things, sides = of(begins if k < 10 else goes_on if k < 40 else ends)
        seen = ((), BESIDE) if k == 20 else (things, sides)
        found = rule(Situation(k * 10**8, Ego(15.0, 0.0), PATH, *seen, ()), latch.told)
        on.append(latch(k * 10**8, found) is not None)
    last = 39 + round(10 * rule.times.off_s)
    assert on[10:last] == [True] * (last - 10)
    assert on[last + 1 :] == [False] * (59 - last)


def test_what_is_between_the_limits_does_not_begin():
    rule = EVENTS["headway"]()
    latch = Latch(rule.times)
    for k in range(20):
        found = rule(Situation(k * 10**8, Ego(15.0, 0.0), PATH, *headway(0.9), ()), latch.told)
        assert latch(k * 10**8, found) is None

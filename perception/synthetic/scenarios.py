"""Drives with a plot: who does what when, from a seed. `SCENARIOS` is the table.

All times are seconds from the start, all distances along the road from the camera at time 0.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from perception.synthetic.actors import Across, Actor, Move, Ride
from perception.synthetic.happenings import LIMITS, beside
from perception.synthetic.layout import Lane, Layout
from perception.synthetic.people import Outfit, cyclist, walker
from perception.synthetic.traffic import CYCLIST, PERSON, VEHICLE
from perception.synthetic.vehicles import random_vehicle

ENDS_80, ENDS_ALL = 6, 32  # classes of signs that end a limit


@dataclass(frozen=True, eq=False)
class Scenario:
    """What is written down of a drive; the rest follows from the seed of its world."""

    ride: Ride  # of the own vehicle
    across: Across
    actors: tuple[Actor, ...] = ()
    signs: tuple[tuple[float, int], ...] = ()  # metres ahead, class
    seconds: float = 10.0


@dataclass(frozen=True)
class Setting:
    """A road, and the dice."""

    rng: np.random.Generator
    layout: Layout

    @property
    def lane(self) -> Lane:
        return self.layout.lanes[self.layout.ego]

    @property
    def beside(self) -> Lane:
        """Another lane of our direction."""
        lanes = [x for x in self.layout.lanes if x.forward and x is not self.lane]
        return min(lanes, key=lambda x: abs(x.d - self.lane.d))

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def car(self, gap: float, ride: Ride, across: Across | None = None) -> Actor:
        """A vehicle whose near side is `gap` metres ahead; in our lane if not said otherwise."""
        body = random_vehicle(self.rng)
        return Actor(VEHICLE, body, gap + body.length / 2, ride, across or Across(self.lane.d))

    @property
    def centre(self) -> Across:
        return Across(self.lane.d)


def _calm(on: Setting) -> Scenario:
    """Nobody in our lane; others in theirs."""
    speed = on.between(9, 14)
    others: tuple[Actor, ...] = ()
    if _wide(on.layout):
        others = (on.car(on.between(12, 40), Ride(speed), Across(on.beside.d)),)
    return Scenario(Ride(speed), on.centre, others)


def _follow(on: Setting) -> Scenario:
    """A lead as fast as we are, at a safe distance."""
    speed = on.between(10, 20)
    return Scenario(Ride(speed), on.centre, (on.car(speed * on.between(1.4, 2.2), Ride(speed)),))


def _tailgate(on: Setting) -> Scenario:
    """The gap falls to about 0.6 s, slowly, and opens again."""
    speed = on.between(12, 20)
    closes = (1.4 - on.between(0.55, 0.62)) * speed / 2.2
    lead = Ride(speed - 2.2, ((closes - 0.4, closes + 0.4, 2.75), (closes + 3, closes + 4, 2.0)))
    return Scenario(Ride(speed), on.centre, (on.car(1.4 * speed, lead),), seconds=closes + 7)


def _braking(on: Setting) -> Scenario:
    """The lead brakes hard, and we do so later."""
    speed, brake = on.between(12, 19), on.between(5, 6.5)
    lasts = on.between(0.6, 0.8) * speed / brake
    lead = Ride(speed, ((2.0, 2.0 + lasts, -brake),))
    delay = on.between(1.2, 1.5)
    own = Ride(speed, ((2.0 + delay, 2.0 + delay + lasts, -brake - 0.3),))
    return Scenario(own, on.centre, (on.car(_gap(own, lead, on.between(3, 6)), lead),))


def _gap(own: Ride, lead: Ride, least: float, seconds: float = 12.0) -> float:
    """At the start, if the smallest one is to be `least`."""
    return least + max(own(t).at - lead(t).at for t in np.arange(0, seconds, 0.1))


def _closing(on: Setting) -> Scenario:
    """A slow vehicle, or one that stands, is reached."""
    speed = on.between(10, 16)
    lead = Ride(speed - on.between(7, 10))
    rel = speed - lead.speed
    begin = 4.0
    lasts = on.between(2.2, 2.6)
    own = Ride(speed, ((begin, begin + lasts, -rel / lasts),))
    return Scenario(own, on.centre, (on.car(_gap(own, lead, on.between(3, 5)), lead),), seconds=9.0)


def _cut_in(on: Setting) -> Scenario:
    """One from the next lane moves into ours, close before us."""
    speed = on.between(11, 20)
    into = Move(on.between(2, 3), on.between(3.2, 4.2), on.lane.d - on.beside.d)
    ride = Ride(speed + on.between(0, 1.5))
    other = on.car(on.between(9, 20), ride, Across(on.beside.d, (into,)))
    return Scenario(Ride(speed), on.centre, (other,))


def _departure(on: Setting) -> Scenario:
    """We drift onto a line, and back."""
    line = beside(on.layout, on.lane.d)[int(on.rng.integers(2))]
    assert line is not None
    room = abs(line - on.lane.d) - 0.9
    over = float(np.sign(line - on.lane.d)) * (room + on.between(0.1, 0.3))
    begin, lasts = on.between(2.5, 3.5), on.between(2.4, 3.2)
    moves = (Move(begin, lasts, over), Move(begin + lasts + 0.8, 3.0, -over))
    return Scenario(Ride(on.between(13, 22)), Across(on.lane.d, moves))


def _lane_change(on: Setting) -> Scenario:
    """We change into the next lane, where somebody is far ahead."""
    speed = on.between(12, 22)
    move = Move(on.between(2.5, 3.5), on.between(3.8, 4.8), on.beside.d - on.lane.d)
    other = on.car(on.between(35, 45), Ride(speed), Across(on.beside.d))
    return Scenario(Ride(speed), Across(on.lane.d, (move,)), (other,))


def _crossing(on: Setting) -> Scenario:
    """A pedestrian walks from the pavement over the road; we brake."""
    speed, pace = on.between(8, 12), on.between(1.2, 1.8)
    side = 1.0 if on.rng.random() < 0.5 else -1.0
    here = max(on.layout.pavements) if side > 0 else min(on.layout.pavements)
    there = min(on.layout.pavements) if side > 0 else max(on.layout.pavements)
    edge = on.lane.d + side * (on.lane.width / 2 + 0.4)
    enters = on.between(2.6, 3.2)  # seconds at which the path is entered
    begin = enters - abs(here - edge) / pace
    own = Ride(speed, ((enters - 0.2, enters + 8, -on.between(3.5, 4.5)),))
    at = own(20.0).at + on.between(4, 7)
    walk = Across(here, (Move(begin, abs(there - here) / pace, there - here, 0.03),))
    outfit, phase = Outfit.random(on.rng), on.between(0, 6.28)
    turn = -side * np.pi / 2
    body = Actor(PERSON, lambda t: walker(outfit, phase + 4.4 * pace * t / 1.5), at, Ride(0.0), walk, turn)
    return Scenario(own, on.centre, (body,), seconds=9.0)


def _cyclist(on: Setting) -> Scenario:
    """A cyclist rides in our lane, and we come up and slow down."""
    speed, slow = on.between(9, 12), on.between(3.5, 5)
    lasts = on.between(2.5, 3.5)
    own = Ride(speed, ((3.5, 3.5 + lasts, -(speed - slow) / lasts),))
    side = -1 if on.layout.right_hand else 1
    outfit, phase = Outfit.random(on.rng), on.between(0, 6.28)
    at = _gap(own, Ride(slow), on.between(6, 10)) + 0.9
    place = Across(on.lane.d + side * on.between(0.3, 0.9))
    rider = Actor(CYCLIST, lambda t: cyclist(outfit, phase + 7 * t, True), at, Ride(slow), place)
    return Scenario(own, on.centre, (rider,), seconds=9.0)


def _limit(on: Setting) -> Scenario:
    """A speed limit, and later the sign that ends it; others stand between them."""
    limit = int(on.rng.choice(list(LIMITS)))
    end = ENDS_80 if LIMITS[limit] == 80 and on.rng.random() < 0.5 else ENDS_ALL
    other = int(on.rng.choice((11, 12, 25, 35)))
    speed = on.between(10, 15)
    signs = ((on.between(30, 40), limit), (on.between(60, 68), other), (on.between(108, 115), end))
    return Scenario(Ride(speed), on.centre, signs=signs, seconds=130 / speed)


def _marked(layout: Layout) -> bool:
    """Lines on both sides of our lane."""
    lane = layout.lanes[layout.ego]
    sides = beside(layout, lane.d)
    return all(d is not None and abs(abs(d - lane.d) - lane.width / 2) < 0.4 for d in sides)


def _wide(layout: Layout) -> bool:
    return sum(lane.forward for lane in layout.lanes) > 1


def _on_two_lanes(layout: Layout) -> bool:
    return _marked(layout) and _wide(layout)


def _on_pavements(layout: Layout) -> bool:
    return _marked(layout) and len(layout.pavements) == 2 and not layout.parking


def _in_the_country(layout: Layout) -> bool:
    return _marked(layout) and layout.setting != "motorway"


@dataclass(frozen=True)
class Plot:
    make: Callable[[Setting], Scenario]
    suits: Callable[[Layout], bool] = _marked  # which roads it can be played on


SCENARIOS = {
    "calm": Plot(_calm),
    "follow": Plot(_follow),
    "tailgate": Plot(_tailgate),
    "braking": Plot(_braking),
    "closing": Plot(_closing),
    "cut_in": Plot(_cut_in, _on_two_lanes),
    "departure": Plot(_departure),
    "lane_change": Plot(_lane_change, _on_two_lanes),
    "crossing": Plot(_crossing, _on_pavements),
    "cyclist": Plot(_cyclist, _in_the_country),
    "limit": Plot(_limit, _in_the_country),
}

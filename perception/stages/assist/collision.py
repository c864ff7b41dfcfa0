"""`collision`: something in the ego path is reached soon. Value: seconds to collision."""

from __future__ import annotations

from perception.stages.assist.latch import BEGINS, Finding, Times, first
from perception.stages.assist.situation import Situation
from perception.stages.assist.thing import Thing
from perception.types import Ego

SOON, PAST = 2.8, 3.6  # seconds: begins below, ends above
SLOWEST = 1.0  # m/s: slower closing is no danger
GROWN = 0.25  # 1/s: growth of an object of unknown distance that counts
UNPLACED = 0.7  # confidence where only the growth in the image is known


class Collision:
    times = Times(on_s=0.15, off_s=0.4)
    text = "{:.1f} s"
    warns = True

    def __call__(self, situation: Situation, told: Finding | None) -> Finding | None:
        return first(self._judge(thing, situation.ego, told) for thing in situation.things)

    def _judge(self, thing: Thing, ego: Ego | None, told: Finding | None) -> Finding | None:
        seconds = thing.time_to_collision
        limit = PAST if told is not None and thing.track == told.track else SOON
        if not thing.is_vehicle or seconds is None or seconds > limit:
            return None
        if ego is None:
            return self._by_growth(thing, seconds)
        if thing.closing is None or thing.closing < SLOWEST or thing.comes(ego):
            return None
        return Finding(thing.inside, thing.track, seconds)

    def _by_growth(self, thing: Thing, seconds: float) -> Finding | None:
        """Without the own speed: what is in the path and grows, whether it stands or brakes."""
        if (thing.swelling or 0.0) < GROWN or thing.x is None:
            return None
        return Finding(UNPLACED, thing.track, seconds) if thing.inside > BEGINS else None

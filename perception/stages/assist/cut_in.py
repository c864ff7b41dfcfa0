"""`cut_in`: a vehicle beside the ego path moves into it. Value: seconds until it is in."""

from __future__ import annotations

from perception.stages.assist.latch import Finding, Times, first
from perception.stages.assist.situation import HALF_CAR, Situation
from perception.stages.assist.thing import Thing

SOON = 1.5  # seconds
SIDEWAYS = 0.4  # m/s
ALONG = 2.0  # times faster along the road than into the path: what else moves in does not drive
UNSURE = 0.005  # m/s more for each metre of distance
SETTLED_S = 0.5  # seconds for which a velocity must have been known: at first it is a guess to the side
FARTHEST_S = 3.0  # of driving: what is farther ahead does not matter yet
FARTHEST_M = 60.0


class CutIn:
    times = Times(on_s=0.3, off_s=0.5)
    text = "{:.1f} s"
    warns = False

    def __call__(self, situation: Situation, told: Finding | None) -> Finding | None:
        ego = situation.ego
        if ego is None:
            return None
        reach = min(FARTHEST_M, max(10.0, FARTHEST_S * ego.speed))
        return first(_judge(thing, situation, reach, told) for thing in situation.things)


def _judge(thing: Thing, situation: Situation, reach: float, told: Finding | None) -> Finding | None:
    """It begins beside the path, and goes on until it is in."""
    if not thing.is_vehicle or thing.x is None or thing.offset is None or thing.drift is None:
        return None
    if thing.x > reach or thing.cut or thing.known_s < SETTLED_S or thing.comes(situation.ego):
        return None
    outside = abs(thing.offset) - situation.path.half_width - HALF_CAR  # of its near side
    inward = -thing.drift if thing.offset > 0 else thing.drift
    most = -2 * HALF_CAR if told is not None and thing.track == told.track else -HALF_CAR
    if inward < SIDEWAYS + UNSURE * thing.x or outside < most:
        return None
    if (thing.speed or 0.0) < ALONG * inward:
        return None
    seconds = max(0.0, outside / inward)
    return Finding(min(1.0, inward / (1.5 * SIDEWAYS)), thing.track, seconds) if seconds < SOON else None

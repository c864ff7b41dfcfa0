"""`person_in_path`: a pedestrian or cyclist is in the ego path or walks into it. Value: metres."""

from __future__ import annotations

from perception.stages.assist.latch import Finding, Times, first
from perception.stages.assist.situation import Situation
from perception.stages.assist.thing import Thing

SOON = 4.0  # seconds of driving
SURELY = 2.0  # seconds of driving: farther away, its own speed must be known
NEAR = 25.0  # metres, where the own speed is not known
BODY = 0.4  # metres to each side
WALKS, UNSURE = 0.4, 0.015  # m/s: a slower one stands; and how much more a metre of distance asks for


class PersonInPath:
    times = Times(on_s=0.2, off_s=0.4)
    text = "{:.0f} m"
    warns = True

    def __call__(self, situation: Situation, told: Finding | None) -> Finding | None:
        return first(_judge(thing, situation) for thing in situation.things)


def _judge(thing: Thing, situation: Situation) -> Finding | None:
    if not thing.is_person or thing.x is None or thing.offset is None:
        return None
    ego = situation.ego
    if ego is None:
        return Finding(thing.inside, thing.track, thing.x) if thing.x < NEAR else None
    if thing.closing is None and thing.x > ego.speed * SURELY:
        return None
    closing = ego.speed if thing.closing is None else thing.closing
    if closing < 0.5 or thing.x / closing > SOON:
        return None
    then = thing.offset + (thing.drift or 0.0) * thing.x / closing
    crosses = min(thing.offset, then) < situation.path.half_width + BODY and (
        max(thing.offset, then) > -situation.path.half_width - BODY
    )
    followed = thing.drift is not None and thing.swelling is not None  # for long enough that it tells
    moving = followed and abs(thing.drift or 0.0) > WALKS + UNSURE * thing.x
    confidence = max(thing.inside, 0.75 if crosses and moving else 0.0)
    return Finding(confidence, thing.track, thing.x)

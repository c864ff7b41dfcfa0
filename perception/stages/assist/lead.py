"""`lead`: the nearest vehicle in the ego path that does not come towards it. Value: metres."""

from __future__ import annotations

from perception.stages.assist.latch import Finding, Times
from perception.stages.assist.situation import Situation, Thing

VEHICLES = ("vehicle", "motorbike")
ONCOMING = -3.0  # m/s


class Lead:
    times = Times(on_s=0.3, off_s=0.4)
    text = "{:.0f} m"
    warns = False

    def __call__(self, situation: Situation) -> Finding | None:
        found = lead_of(situation)
        return None if found is None else Finding(found.inside, found.track, found.x)


def lead_of(situation: Situation) -> Thing | None:
    """None: there is none, or distances are not known."""
    ahead = [thing for thing in situation.things if thing.name in VEHICLES and thing.x is not None]
    ahead = [thing for thing in ahead if thing.inside > 0.35 and not _comes(thing, situation)]
    return min(ahead, key=lambda thing: thing.x or 0.0, default=None)


def _comes(thing: Thing, situation: Situation) -> bool:
    """Or might come: its speed is still not known where it could be."""
    if thing.speed is None:
        return situation.ego is not None
    return thing.speed <= ONCOMING

"""`lead`: the nearest vehicle in the ego path that does not come towards it. Value: metres."""

from __future__ import annotations

from perception.stages.assist.latch import Finding, Times
from perception.stages.assist.situation import Situation
from perception.stages.assist.thing import Thing

LEAST = 0.35  # probability that it is in the path
FARTHEST = 60.0  # metres: what is farther away, or may be, is often not in the path that is told there


class Lead:
    times = Times(on_s=0.3, off_s=0.4)
    text = "{:.0f} m"
    warns = False

    def __call__(self, situation: Situation, told: Finding | None) -> Finding | None:
        found = lead_of(situation)
        return None if found is None else Finding(found.inside, found.track, found.x)


def lead_of(situation: Situation) -> Thing | None:
    """None: there is none, or distances are not known."""
    nearest: Thing | None = None
    for thing in situation.things:
        if thing.x is None or not thing.inside > LEAST or thing.x + thing.sigma > FARTHEST:
            continue
        if (
            (nearest is None or thing.x < (nearest.x or 0.0))
            and thing.is_vehicle
            and not thing.comes(situation.ego)
        ):
            nearest = thing
    return nearest

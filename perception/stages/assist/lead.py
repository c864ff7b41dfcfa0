"""`lead`: the nearest vehicle in the ego path that does not come towards it. Value: metres."""

from __future__ import annotations

from perception.stages.assist.latch import Finding, Times
from perception.stages.assist.situation import Situation, Thing

FARTHEST = 60.0  # metres: what is farther away, or may be, is often not in the path that is told there


class Lead:
    times = Times(on_s=0.3, off_s=0.4)
    text = "{:.0f} m"
    warns = False

    def __call__(self, situation: Situation) -> Finding | None:
        found = lead_of(situation)
        return None if found is None else Finding(found.inside, found.track, found.x)


def lead_of(situation: Situation) -> Thing | None:
    """None: there is none, or distances are not known."""
    ahead = [thing for thing in situation.things if thing.is_vehicle and thing.x is not None]
    ahead = [thing for thing in ahead if (thing.x or 0.0) + thing.sigma <= FARTHEST]
    ahead = [thing for thing in ahead if thing.inside > 0.35 and not thing.comes(situation.ego)]
    return min(ahead, key=lambda thing: thing.x or 0.0, default=None)

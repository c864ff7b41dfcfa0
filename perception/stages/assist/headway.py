"""`headway`: too close behind the lead vehicle. Value: seconds, its distance over the own speed."""

from __future__ import annotations

from perception.stages.assist.latch import Finding, Times
from perception.stages.assist.lead import lead_of
from perception.stages.assist.situation import Situation

SHORT, ENOUGH = 0.8, 1.0  # seconds: begins below, ends above
SLOWEST = 8.0  # m/s


class Headway:
    times = Times(on_s=0.3, off_s=0.5)
    text = "{:.1f} s"
    warns = True

    def __call__(self, situation: Situation, told: Finding | None) -> Finding | None:
        lead, ego = lead_of(situation), situation.ego
        if lead is None or lead.x is None or ego is None or ego.speed < SLOWEST:
            return None
        gap = lead.x / ego.speed
        limit = SHORT if told is None else ENOUGH
        return Finding(lead.inside, lead.track, gap) if gap < limit else None

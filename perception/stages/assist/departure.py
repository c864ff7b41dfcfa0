"""`lane_departure`: a front wheel is about to cross a lane line. Value: seconds until it does."""

from __future__ import annotations

from perception.stages.assist.latch import Finding, Times
from perception.stages.assist.situation import Situation

SOON, LATE = 1.0, 1.5  # seconds: begins below, ends above
DRIFT = 0.15  # m/s: slower is wandering in the lane
HALF_CAR = 0.9  # metres from the camera to a wheel's outside
OVER = -0.5  # metres: farther over the line is a lane change that is done
SLOWEST = 8.0  # m/s


class LaneDeparture:
    times = Times(on_s=0.15, off_s=0.5)
    text = "{:.1f} s"
    warns = True

    def __call__(self, situation: Situation, told: Finding | None) -> Finding | None:
        ego = situation.ego
        if ego is not None and ego.speed < SLOWEST:
            return None
        limit = SOON if told is None else LATE
        sides = _judge(situation, 1, "ego_left", limit), _judge(situation, -1, "ego_right", limit)
        found = [own for own in sides if own is not None]
        return min(found, key=lambda own: own.value or 0.0, default=None)


def _judge(situation: Situation, sign: int, role: str, limit: float) -> Finding | None:
    side = situation.sides[role]
    if side is None:
        return None
    room, towards = sign * side[0] - HALF_CAR, -sign * side[1]
    if towards < DRIFT or room < OVER:
        return None
    seconds = max(0.0, room / towards)
    return Finding(min(1.0, 0.5 + towards / (4 * DRIFT)), None, seconds) if seconds < limit else None

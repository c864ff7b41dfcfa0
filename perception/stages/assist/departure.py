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

    def __init__(self) -> None:
        self._warns = False

    def __call__(self, situation: Situation) -> Finding | None:
        ego = situation.ego
        if ego is not None and ego.speed < SLOWEST:
            self._warns = False
            return None
        sides = self._judge(situation, 1, "ego_left"), self._judge(situation, -1, "ego_right")
        found = [own for own in sides if own is not None]
        self._warns = bool(found)
        return min(found, key=lambda own: own.value or 0.0, default=None)

    def _judge(self, situation: Situation, sign: int, role: str) -> Finding | None:
        side = situation.sides[role]
        if side is None:
            return None
        room, towards = sign * side[0] - HALF_CAR, -sign * side[1]
        if towards < DRIFT or room < OVER:
            return None
        seconds = max(0.0, room / towards)
        limit = LATE if self._warns else SOON
        return Finding(min(1.0, 0.5 + towards / (4 * DRIFT)), None, seconds) if seconds < limit else None

"""`speed_limit`: the limit in force by the last sign. Value: km/h."""

from __future__ import annotations

import re

from perception.stages.assist.latch import Finding, Times
from perception.stages.assist.situation import Situation

SIGHTINGS = 3  # of a sign, before it counts
SURE = 0.8  # score of a reading
FORGOTTEN_S = 2.0  # since a sign was read: frames without readings, as when they are shed, count for nothing
LONGEST_S, FARTHEST_M = 180.0, 3000.0  # without a repetition, the limit is not known any more
ENDS = ("restrictions_end",)


class SpeedLimit:
    times = Times(on_s=0.0, off_s=0.0)
    text = "{:.0f} km/h"
    warns = False

    def __init__(self) -> None:
        self._seen: dict[int, tuple[str, int, int]] = {}  # track -> reading, how often, and when last
        self._limit: float | None = None
        self._since_ns = self._last_ns = 0
        self._driven = 0.0  # metres since the sign

    def __call__(self, situation: Situation, told: Finding | None) -> Finding | None:
        now = situation.stamp_ns
        if situation.ego is not None and self._last_ns:
            self._driven += situation.ego.speed * (now - self._last_ns) / 1e9
        self._last_ns = now
        self._read(situation)
        if self._limit is None:
            return None
        if (now - self._since_ns) / 1e9 > LONGEST_S or self._driven > FARTHEST_M:
            self._limit = None
            return None
        return Finding(1.0, None, self._limit)

    def _read(self, situation: Situation) -> None:
        now = situation.stamp_ns
        self._seen = {track: seen for track, seen in self._seen.items() if now - seen[2] <= FORGOTTEN_S * 1e9}
        for name, track, score in situation.readings:
            if score < SURE:
                continue
            before, times, _ = self._seen.get(track, (name, 0, now))
            self._seen[track] = (name, times + 1 if name == before else 1, now)
            if self._seen[track][1] >= SIGHTINGS:
                self._heed(name, now)

    def _heed(self, name: str, stamp_ns: int) -> None:
        limit = re.fullmatch(r"speed_limit_(\d+)(_end)?", name)
        if limit and not limit[2]:
            self._limit, self._since_ns, self._driven = float(limit[1]), stamp_ns, 0.0
        elif name in ENDS or (limit and self._limit == float(limit[1])):
            self._limit = None

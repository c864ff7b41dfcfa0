"""A source whose own motion is known, from a table beside it.

`motion.csv`: a heading with `stamp_s` (seconds, by the clock of the frames) or `frame` (their numbers),
`speed_mps` (forward positive) and, if it was measured, `yaw_rate_radps` (left positive); then rows in order.
Between two rows the values are interpolated. A frame has no motion where none was measured near its time, a
cell is empty, or speed and yaw rate stand still although the vehicle moves: why and how often is said at the
end. A speed alone may stand still: a cruise control holds it, and its digits may be coarse.
"""

from __future__ import annotations

import csv
import logging
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from math import isfinite
from pathlib import Path
from typing import NamedTuple

from perception.errors import SourceError
from perception.interfaces import Source
from perception.sources.around import Around
from perception.types import Ego, Frame

LATE_S = 0.3  # between a frame and the nearest row
FROZEN_S = 5.0  # the same speed and yaw rate to the last digit for so long, in motion
STANDS = 0.5  # m/s: below, equal values are nothing strange
FASTEST, FASTEST_TURN = 100.0, 4.0  # m/s, rad/s

log = logging.getLogger(__name__)


class Row(NamedTuple):
    at: float  # seconds, or the frame's number
    speed: float | None  # m/s; None: not measured
    yaw_rate: float | None  # rad/s
    frozen: bool = False


class Motion:
    """How a vehicle moved, by rows in order; `name` of where they are from, for warnings."""

    def __init__(self, name: str, rows: list[Row], by_frame: bool = False) -> None:
        self._name, self._rows, self._by_frame = name, rows, by_frame
        self._times = [row.at for row in rows]
        self._without: Counter[str] = Counter()

    def told(self, frame: Frame) -> Frame:
        """The frame with its own motion; None, and counted, where that is not known."""
        ego, reason = self.at(float(frame.seq) if self._by_frame else frame.stamp_ns / 1e9)
        self._without[reason] += ego is None
        return replace(frame, ego=ego)

    def report(self) -> None:
        """Warn of the frames since the last report that have no motion, with the reasons."""
        for reason, count in self._without.items():
            if count:
                log.warning("%s: %d frames have no own motion: %s", self._name, count, reason)
        self._without.clear()

    def at(self, at: float) -> tuple[Ego | None, str]:
        """At a time, or a frame's number; None with the reason why not."""
        place = bisect_left(self._times, at)
        around = self._rows[max(place - 1, 0) : place + 1]
        if place < len(self._times) and self._times[place] == at:
            around = [self._rows[place]]
        near = 0.0 if self._by_frame else LATE_S
        around = [row for row in around if abs(row.at - at) <= near]
        if not around:
            return None, "no row is near their time"
        if any(row.speed is None for row in around):
            return None, "the speed is missing"
        if any(row.frozen for row in around):
            return None, "the values are frozen"
        speed, yaw_rate = (_between(around, at, value) for value in ("speed", "yaw_rate"))
        return Ego(speed or 0.0, yaw_rate), ""


class WithEgo(Around):
    """Another source, its frames with the own motion of a table. Raises SourceError for another table."""

    def __init__(self, source: Source, path: Path) -> None:
        super().__init__(source)
        by_frame, rows = read_motion(path)
        self._motion = Motion(str(path), rows, by_frame)

    def __iter__(self) -> Iterator[Frame]:
        for frame in self._source:
            yield self._motion.told(frame)
        self._motion.report()


def with_motion(source: Source, given: Path | None) -> Source:
    """`source` with the own motion of a table; or, of a recorded drive, of its topic of that name.

    Raises SourceError if there is neither.
    """
    if given is None:
        return source
    if not given.exists() and hasattr(source, "choose_motion"):
        source.choose_motion(str(given))
        return source
    return WithEgo(source, given)


def read_motion(path: Path) -> tuple[bool, list[Row]]:
    """Whether rows are by frame number, and all rows. Raises SourceError with the line that is wrong."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            table = list(csv.DictReader(file, skipinitialspace=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise SourceError(f"{path}: expected a table of the own motion, got: {error}") from error
    names = set(table[0]) if table else set()
    key = next((name for name in ("stamp_s", "frame") if name in names), None)
    if key is None or "speed_mps" not in names:
        raise SourceError(
            f"{path}: expected the columns stamp_s or frame, speed_mps and yaw_rate_radps, with rows below; "
            f"got {', '.join(map(str, table[0])) if table else 'no row'}"
        )
    rows = [_row(path, number, line, key) for number, line in enumerate(table, 2)]
    for number, (before, after) in enumerate(pairwise(rows), 3):
        if after.at <= before.at:
            raise SourceError(
                f"{path}, line {number}: expected {key} to increase, got {after.at:g} after {before.at:g}"
            )
    return key == "frame", rows if key == "frame" else frozen(rows)


def _row(path: Path, number: int, line: dict[str, str | None], key: str) -> Row:
    try:
        at = float(line[key] or "")
        speed, yaw_rate = (_value(line.get(name)) for name in ("speed_mps", "yaw_rate_radps"))
    except (ValueError, TypeError) as error:
        raise SourceError(f"{path}, line {number}: expected numbers, got {error}") from error
    if not isfinite(at) or abs(speed or 0) > FASTEST or abs(yaw_rate or 0) > FASTEST_TURN:
        raise SourceError(
            f"{path}, line {number}: expected at most {FASTEST:g} m/s and {FASTEST_TURN:g} rad/s, got "
            f"{speed} and {yaw_rate}; convert km/h and degrees"
        )
    return Row(at, speed, yaw_rate)


def _value(cell: str | None) -> float | None:
    value = float(cell) if cell and cell.strip() else None
    return value if value is not None and isfinite(value) else None


def frozen(rows: list[Row]) -> list[Row]:
    """The same rows; those marked that repeat both values for FROZEN_S or more in motion."""
    out, begin = list(rows), 0
    for end in range(1, len(rows) + 1):
        if end < len(rows) and rows[end][1:3] == rows[begin][1:3]:
            continue
        first, last = rows[begin], rows[end - 1]
        moves = first.speed is not None and abs(first.speed) > STANDS and first.yaw_rate is not None
        if moves and last.at - first.at >= FROZEN_S:
            out[begin + 1 : end] = [row._replace(frozen=True) for row in rows[begin + 1 : end]]
        begin = end
    return out


def _between(rows: list[Row], at: float, name: str) -> float | None:
    """A value at a time, straight between two rows; of one row its own."""
    values = [getattr(row, name) for row in rows]
    if None in values:
        return None
    if len(rows) == 1:
        return float(values[0])
    part = (at - rows[0].at) / (rows[1].at - rows[0].at)
    return float(values[0] + part * (values[1] - values[0]))

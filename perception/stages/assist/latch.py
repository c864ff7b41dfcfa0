"""Hysteresis in time: an event begins when it was found for a while, and ends when it was not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Protocol

from perception.stages.assist.situation import Situation

BEGINS, GOES_ON = 0.6, 0.35  # confidence


@dataclass(frozen=True)
class Finding:
    """What an event's rule found in a frame."""

    confidence: float  # 0..1
    track: int | None = None
    value: float | None = None


def first(found: Iterable[Finding | None]) -> Finding | None:
    """That of the least value, of those sure enough to go on: what is beside the path hides nothing in it."""
    sure = [own for own in found if own is not None and own.confidence >= GOES_ON]
    return min(sure, key=lambda own: own.value or 0.0, default=None)


@dataclass(frozen=True)
class Times:
    on_s: float  # found for so long before it begins
    off_s: float  # not found for so long before it ends


class Rule(Protocol):
    """One event: when it is there, and how it is told."""

    times: Times
    text: str  # of its value, a format
    warns: bool  # the driver must act

    def __call__(self, situation: Situation, told: Finding | None) -> Finding | None:
        """None: it is not there, or nobody can know. `told` (`Latch.told`): the limits of the end apply."""


class Latch:
    """Of one event. It may change its object without ending."""

    def __init__(self, times: Times) -> None:
        self._times = times
        self._first_ns: int | None = None  # since when it is found without a break
        self._since_ns: int | None = None  # stamp at which it began; None: it is off
        self._seen_ns = 0  # stamp at which it was last found
        self._last = Finding(0.0)

    @property
    def told(self) -> Finding | None:
        """What was found last, if the event is on, also where a frame did not show it, or begins."""
        return None if self._since_ns is None and self._first_ns is None else self._last

    def __call__(self, stamp_ns: int, found: Finding | None) -> tuple[int, Finding] | None:
        """(stamp at which it began, what was found last); None: it is off."""
        enough = BEGINS if self._since_ns is None else GOES_ON
        if found is not None and found.confidence >= enough:
            self._seen_ns, self._last = stamp_ns, found
            self._first_ns = stamp_ns if self._first_ns is None else self._first_ns
            if self._since_ns is None and stamp_ns - self._first_ns >= self._times.on_s * 1e9:
                self._since_ns = stamp_ns
        else:
            self._first_ns = None
            if self._since_ns is not None and stamp_ns - self._seen_ns >= self._times.off_s * 1e9:
                self._since_ns = None
        if self._since_ns is None:
            return None
        fresh = self._seen_ns == stamp_ns
        return self._since_ns, self._last if fresh else replace(self._last, confidence=GOES_ON)

"""A recorded drive once more: every frame in order, or as a device of a given speed would have taken it.

In virtual real time nothing waits. A frame arrives at its stamp, the network is busy for a fixed or the
measured time, and whoever is free takes the newest frame of a mailbox with one slot, as a live source has. So
the age of an answer and the frames that are dropped are those of the device; fixed times give equal ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from perception.errors import PerceptionError

EVERY, MEASURED = "every", "measured"
NS = 1e6  # nanoseconds in a millisecond
BEFORE_ALL = -(2**63)  # ns

T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Pace:
    """Virtual real time."""

    service_ms: float | None = None  # that each frame keeps the device busy; None: as long as here

    @classmethod
    def parse(cls, text: str) -> Pace | None:
        """`every` (None: no clock), `measured`, or milliseconds. Raises PerceptionError."""
        if text == EVERY:
            return None
        if text == MEASURED:
            return cls()
        try:
            service_ms = float(text)
        except ValueError:
            service_ms = -1.0
        if not 0 < service_ms < float("inf"):
            raise PerceptionError(f"expected a pace of {EVERY}, {MEASURED} or milliseconds, got {text!r}")
        return cls(service_ms)

    def __str__(self) -> str:
        return MEASURED if self.service_ms is None else f"{self.service_ms:g} ms"


@dataclass(frozen=True, eq=False)
class Answer(Generic[R]):
    """What was made of one frame."""

    result: R
    age_ms: float | None  # from its arrival to the answer; None: there was no clock
    dropped: int  # frames that came and went since the answer before


class VirtualMailbox(Generic[T]):
    """`perception.sources.mailbox.Mailbox` on a clock that the taker turns; constant memory."""

    def __init__(self, letters: Iterable[tuple[int, T]]) -> None:
        """`letters`: arrival in nanoseconds, and what arrives. One stamped earlier than the letter before it
        arrives together with that one."""
        self.overwritten = 0
        self._letters = _in_order(letters)
        self._next = next(self._letters, None)

    def take(self, now_ns: int) -> tuple[int, T] | None:
        """The newest letter that is there at `now_ns`, else the one that comes next; None after the last."""
        letter = self._advance()
        while letter and self._next and self._next[0] <= now_ns:
            self.overwritten += 1
            letter = self._advance()
        return letter

    def _advance(self) -> tuple[int, T] | None:
        letter, self._next = self._next, next(self._letters, None)
        return letter


def replay(
    letters: Iterable[tuple[int, T]],
    work: Callable[[T], R],
    pace: Pace | None = None,
    measured_ms: Callable[[R], float] = lambda result: 0.0,
) -> Iterator[Answer[R]]:
    """What `work` makes of the letters (stamp in ns, frame): of all in order, or of those a device takes.

    `measured_ms`: how long that took here, for a pace that goes by it.
    """
    if pace is None:
        yield from (Answer(work(frame), None, 0) for _, frame in letters)
        return
    mailbox = VirtualMailbox(letters)
    free, dropped = BEFORE_ALL, 0  # when the device can take the next frame; how many were overwritten so far
    while (letter := mailbox.take(free)) is not None:
        arrival, frame = letter
        result = work(frame)
        spent = measured_ms(result) if pace.service_ms is None else pace.service_ms
        free = max(free, arrival) + round(spent * NS)
        yield Answer(result, (free - arrival) / NS, mailbox.overwritten - dropped)
        dropped = mailbox.overwritten


def canonical(line: bytes | str) -> bytes:
    """A line of `scenes.jsonl` without its time fields: equal bytes for equal scenes."""
    record = json.loads(line)
    record.pop("timing_ms", None)
    return json.dumps(record, separators=(",", ":"), sort_keys=True).encode()


def _in_order(letters: Iterable[tuple[int, T]]) -> Iterator[tuple[int, T]]:
    latest: int | None = None
    for stamp, letter in letters:
        latest = stamp if latest is None else max(latest, stamp)
        yield latest, letter

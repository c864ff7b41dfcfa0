"""Pieces of work and who does them: in this process, in several (`pool`), or on several machines (`cluster`).

Drives know nothing of each other, so they can be seen in any order; whoever collects the pieces puts them in
order again, and the outcome is the same wherever they were made.
"""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from perception.errors import PerceptionError


@dataclass(frozen=True, eq=False)
class Unit:
    """Frames for one worker to see in order: a drive, or some pictures of a data set. Can be pickled."""

    drive: int  # which of the drives
    part: int  # which part of it, from 0
    labelled: Any  # perception.labels.labelled.Labelled


@dataclass(frozen=True, eq=False)
class Piece:
    """Some frames of a unit, seen. Can be pickled."""

    drive: int
    part: int
    records: tuple[Any, ...] = ()  # perception.evaluation.records.FrameRecord, in order
    scenes: bytes = b""  # the lines of scenes.jsonl
    dropped: int = 0  # frames that were not seen, as the device was busy
    lost: int = 0  # frames that could not be read
    last: bool = False  # nothing more of this unit will come
    failure: str | None = None  # why the unit ended early


Work = Callable[[Unit], Iterator[Piece]]
Opening = Callable[[], AbstractContextManager[Work]]  # loads what the work needs; can be pickled


class Crew(Protocol):
    """Workers, each with one unit at a time. A worker that dies fails its unit and is replaced."""

    size: int

    def give(self, worker: int, unit: Unit) -> None: ...
    def hear(self) -> tuple[int, Piece]:
        """The next piece of any worker; blocks. Raises PerceptionError if no work is possible at all."""


def alone(units: Sequence[Unit], opening: Opening) -> Generator[Piece, None, None]:
    """Do all units here, one after the other."""
    with opening() as work:
        failed = set[int]()
        for unit in units:
            if unit.drive not in failed:
                for piece in attempt(work, unit):
                    failed |= {piece.drive} if piece.failure else set()
                    yield piece


def distribute(units: Sequence[Unit], crew: Crew) -> Iterator[Piece]:
    """Keep every worker busy; what is left of a drive that failed is not begun."""
    waiting, idle, busy = deque(units), list(range(crew.size)), 0
    failed = set[int]()
    while waiting or busy:
        while waiting and idle:
            unit = waiting.popleft()
            if unit.drive not in failed:
                crew.give(idle.pop(), unit)
                busy += 1
        if busy:
            worker, piece = crew.hear()
            failed |= {piece.drive} if piece.failure else set()
            if piece.last:
                idle.append(worker)
                busy -= 1
            yield piece


def attempt(work: Work, unit: Unit) -> Iterator[Piece]:
    """The pieces of a unit; if it fails, the last says why, with the traceback of a fault of the program."""
    try:
        yield from work(unit)
        yield Piece(unit.drive, unit.part, last=True)
    except PerceptionError as error:
        yield broken(unit, str(error))
    except Exception as error:
        if isinstance(error.__cause__, KeyboardInterrupt):  # numba makes a SystemError of it
            raise KeyboardInterrupt from error
        yield broken(unit, traceback.format_exc())


def broken(unit: Unit, reason: str) -> Piece:
    return Piece(unit.drive, unit.part, last=True, failure=reason)

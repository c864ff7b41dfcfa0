"""The same faults over and over in one process, which must not grow."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator

from tools.campaign.fault import Result, said
from tools.campaign.kinds import CYCLED, KINDS, Kind
from tools.campaign.lenses import disturb, settle
from tools.campaign.served import Desk, Served

PLACES = ("pipe", "rtsp")
WARM = 2  # rounds of all kinds, before memory is compared
GROWN_KB, GROWN_FILES = 1000, 0


def cycles(count: int, minutes: float | None) -> Generator[Result, None, None]:
    """A result for each cycle; the last one of a place says what has grown since the first rounds."""
    for number, place in enumerate(PLACES):
        desk = Desk()
        end = None if minutes is None else time.monotonic() + 60 * minutes / len(PLACES)
        try:
            served = desk.served(place, guarded=place != "pipe")
            share = count // len(PLACES) + (number < count % len(PLACES))
            yield from _round(served, place, share, end)
        except Exception as error:
            yield Result(f"cycles.{place}", "cycle", "scenes", wrong=[said(error)])
        finally:
            desk.part()


def _round(served: Served, place: str, count: int, end: float | None) -> Iterator[Result]:
    kinds = [name for name in CYCLED if place in KINDS[name].places]
    first, made = _size(served), 0
    for number in range(count):
        if not served.program.alive or (end is not None and time.monotonic() > end):
            break
        if number == WARM * len(kinds):
            first = _size(served)
        name, made = kinds[number % len(kinds)], number + 1
        result = Result(f"{name}.{place}.{number}", "cycle", " or ".join(sorted(KINDS[name].reasons)))
        begun = time.monotonic()
        try:
            _cycle(served, KINDS[name], result)
        except Exception as error:
            result.wrong.append(said(error))
        result.seconds = time.monotonic() - begun
        yield result
    if not served.program.alive:
        wrong = [f"serve has ended: {served.program.said()[-400:]}"]
        yield Result(f"end.{place}.{made}", "cycle", "scenes", wrong=wrong)
    elif made > WARM * len(kinds):
        yield _grown(place, made, first, _size(served))


def _size(served: Served) -> tuple[int, int]:
    return served.program.memory_kb(), served.program.descriptors()


def _grown(place: str, made: int, first: tuple[int, int], last: tuple[int, int]) -> Result:
    """Over all cycles behind the first rounds."""
    result = Result(f"growth.{place}.{made}", "cycle", f"{GROWN_KB} kB, {GROWN_FILES} descriptors")
    result.memory_kb, result.descriptors = (first[0], last[0]), (first[1], last[1])
    result.seen = f"{last[0] - first[0]} kB, {last[1] - first[1]} descriptors"
    result.expect(last[0] - first[0] <= GROWN_KB, "memory grew")
    result.expect(last[1] - first[1] <= GROWN_FILES, "descriptors grew")
    return result


def _cycle(served: Served, kind: Kind, result: Result) -> None:
    settle(served)
    before = served.begin()
    back = disturb(served, kind, result)
    result.recovered_ms = 1e3 * served.await_scene_of(back).at - back.ms
    served.check(result, before)

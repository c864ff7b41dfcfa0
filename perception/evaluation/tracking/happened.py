"""Events against what happened. docs/metrics.md has the rule by which they are matched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite

import numpy as np

from perception.labels.moving import Happening
from perception.tasks.evidence import Counts, Distances, Evidence
from perception.types import Event

LIMIT = "speed_limit"  # of which the value is judged, too
SLACK_NS = 700_000_000  # an event may end, and begin, so much later or earlier: its hysteresis
BREAK_NS = 500_000_000  # what is not sure for a shorter time is no end
SHORTEST_NS = 500_000_000  # what is sure for a shorter time need not be told
NOBODY = -1


@dataclass(eq=False)
class _Spell:
    """A time in which an event was told, or in which it surely happened."""

    name: str
    begin_ns: int
    end_ns: int
    numbers: set[int] = field(default_factory=set)  # of objects; empty: it is about none
    tracks: set[int] = field(default_factory=set)

    def meets(self, other: _Spell) -> bool:
        """`other` is what happened."""
        if self.begin_ns > other.end_ns + SLACK_NS or self.end_ns < other.begin_ns:
            return False
        return not other.numbers or bool(self.numbers & other.numbers)


class Happened:
    """Of one drive."""

    def __init__(self) -> None:
        self._sure: list[_Spell] = []
        self._told: dict[tuple[str, int], _Spell] = {}
        self._possible: list[tuple[int, Sequence[Happening]]] = []  # stamp, all of a frame
        self._numbers: dict[int, set[int]] = {}  # track -> true objects
        self._values: list[float] = []  # relative errors of time to collision, as told

    def add(
        self,
        stamp_ns: int,
        happenings: Sequence[Happening] | None,
        events: Sequence[Event] | None,
        numbers: Mapping[int, int],
    ) -> None:
        """`numbers`: track -> true object, in this frame."""
        if happenings is None or events is None:
            return
        self._possible.append((stamp_ns, happenings))
        for track, number in numbers.items():
            self._numbers.setdefault(track, set()).add(number)
        for happening in happenings:
            if happening.sure:
                self._happen(stamp_ns, happening)
        for event in events:
            self._tell(stamp_ns, event)
            self._compare(event, happenings, numbers)

    def evidence(self) -> Iterator[tuple[str, Evidence]]:
        """By the name of the event and an ending."""
        told = list(self._told.values())
        for spell in told:
            spell.numbers = set().union(*(self._numbers.get(track, set()) for track in spell.tracks))
        sure = [x for x in self._sure if x.end_ns - x.begin_ns >= SHORTEST_NS]
        names = [_title(x.name) for x in (*told, *sure)]
        for title in dict.fromkeys(names):
            own = ([x for x in spells if _title(x.name) == title] for spells in (told, sure))
            yield from self._of(title, *own)
        if self._values:
            yield "collision/value", Distances(np.array(self._values), "relative")

    def _of(
        self, title: str, told: Sequence[_Spell], sure: Sequence[_Spell]
    ) -> Iterator[tuple[str, Evidence]]:
        right, false = 0, 0
        for spell in told:
            begins = self._may(spell)
            right += begins and any(x.name == spell.name and spell.meets(x) for x in self._sure)
            false += not begins
        found = [(x, [y for y in told if y.name == x.name and y.meets(x)]) for x in sure]
        hit = [(x, min(own, key=lambda y: y.begin_ns)) for x, own in found if own]
        counts = [right, false, len(hit), len(sure) - len(hit)]
        yield f"{title}/told", Counts("objects", np.array(counts, np.float64))
        if hit:
            late = [(y.begin_ns - x.begin_ns) / 1e9 for x, y in hit]
            yield f"{title}/delay", Distances(np.array(late), "delays")
        left = [seconds for _, y in hit if isfinite(seconds := self._left(y))]
        if left:
            yield f"{title}/warning", Distances(np.array(left), "warnings")

    def _happen(self, stamp_ns: int, happening: Happening) -> None:
        name = _name(happening.name, happening.value)
        for spell in reversed(self._sure):
            if spell.name == name and stamp_ns - spell.end_ns <= BREAK_NS:
                break
        else:
            spell = _Spell(name, stamp_ns, stamp_ns)
            self._sure.append(spell)
        spell.end_ns = stamp_ns
        if happening.number != NOBODY:
            spell.numbers.add(happening.number)

    def _tell(self, stamp_ns: int, event: Event) -> None:
        name = _name(event.name, event.value)
        spell = self._told.setdefault((name, event.since_ns), _Spell(name, stamp_ns, stamp_ns))
        spell.end_ns = stamp_ns
        if event.track is not None:
            spell.tracks.add(event.track)

    def _may(self, told: _Spell) -> bool:
        """Whether it might have happened when it began to be told."""
        for stamp_ns, happenings in self._possible:
            if abs(stamp_ns - told.begin_ns) <= SLACK_NS and any(_same(told, x) for x in happenings):
                return True
        return False

    def _left(self, told: _Spell) -> float:
        """Seconds until what it warned of, when it began to be told."""
        for stamp_ns, happenings in self._possible:
            if stamp_ns == told.begin_ns:
                return min((x.left for x in happenings if _same(told, x)), default=float("inf"))
        return float("inf")

    def _compare(self, event: Event, happenings: Sequence[Happening], numbers: Mapping[int, int]) -> None:
        number = None if event.track is None else numbers.get(event.track)
        if event.name != "collision" or event.value is None or number is None:
            return
        for x in happenings:
            if x.name == event.name and x.number == number:
                self._values.append(abs(event.value - x.value) / max(x.value, 1e-6))


def _name(name: str, value: float | None) -> str:
    return f"{name} {value:.0f}" if name == LIMIT and value is not None else name


def _title(name: str) -> str:
    return name.partition(" ")[0]


def _same(told: _Spell, happening: Happening) -> bool:
    if told.name != _name(happening.name, happening.value):
        return False
    return happening.number == NOBODY or happening.number in told.numbers

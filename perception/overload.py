"""When the machine is too slow, tasks are left out in a declared order, and come back when it is not.

Levels, for the order signs, detection: all; signs in every third frame; no signs; detection in every third
frame; no detection. What is not in the order runs in every frame. The costs are measured: the time of a
frame for each set of tasks that was left out. Where that of another set is not new, it is taken to have
changed as that of the present one has: the load of the machine slows all alike. After MOST_HOLD
frames without a return the level above is tried all the same.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import count

EVERY = 3  # of so many frames, one has a task that is run now and then
FULL = 0.9  # of a period: more work is overload
FREE = 0.75  # of a period: a lighter level is left if the one above is thought to take less
PEAK = 1.7  # periods: one frame may take so long if the next ones catch up; nothing is dropped then
SETTLED = 3  # frames in a row that are too much, before anything is left out: one may be an accident
OUTLIER = 2  # periods: what one frame counts for at most
FRESH = 2 * EVERY  # measurements: a cost that is no older needs no guess
SMOOTH = 0.3  # weight of the newest frame
HOLD, MOST_HOLD = 30, 900  # frames that must be light before a task comes back; doubled when that fails,
# and HOLD again where a task that came back stayed for MOST_HOLD

Out = frozenset[str]


class Overload:
    """Chooses what is left out of the next frame. It has no clock: periods and costs are milliseconds."""

    def __init__(self, order: Sequence[str], needs: Mapping[str, Iterable[str]] | None = None) -> None:
        """`order`: the first is left out first. `needs`: task -> the tasks it reads from."""
        self._levels = levels(order, needs or {})
        self._level = 0
        self._frame = count()
        self._costs: dict[Out, float] = {}
        self._measured: dict[Out, int] = {}  # when it was, in measurements
        self._at = 0
        self._warm = False
        self._at_level = 0  # frames
        self._heavy = 0  # frames in a row that are too much
        self._light = 0  # frames in a row that leave room
        self._hold = HOLD
        self._rose = math.nan  # frames since a task came back; nan: more was left out since

    @property
    def sets(self) -> tuple[Out, ...]:
        """All that may be left out at once."""
        return tuple(dict.fromkeys(out for level in self._levels for out in level))

    @property
    def text(self) -> str:
        """What is left out; "": nothing."""
        often, rarely = self._levels[self._level]
        parts = [f"{name} in {EVERY - 1} of {EVERY} frames" for name in sorted(often - rarely)]
        return ", ".join([*sorted(rarely), *parts])

    def next(self) -> Out:
        """What is left out of the frame that comes now."""
        often, rarely = self._levels[self._level]
        return rarely if next(self._frame) % EVERY == 0 else often

    def measured(self, out: Out, ms: float, period_ms: float) -> None:
        """A frame without `out` took `ms`; a new frame comes each `period_ms`.

        The first frame says nothing: it waits for code and memory that the others find there.
        """
        if self._warm:
            self._learn(out, min(ms, OUTLIER * period_ms))
        self._warm = True
        self._at_level, self._rose = self._at_level + 1, self._rose + 1
        fits = self._fits(self._level, FULL * period_ms, PEAK * period_ms)
        self._heavy = 0 if fits else self._heavy + 1
        if self._at_level < SETTLED:
            return
        if not fits:
            if self._heavy >= SETTLED:
                self._lighten(period_ms)
        elif self._level and self._at_level >= MOST_HOLD:  # what was so long ago is no reason
            self._costs = {o: ms for o, ms in self._costs.items() if self._at - self._measured[o] <= FRESH}
            self._go(self._level - 1)
            self._rose = 0
        elif self._level and self._fits(self._level - 1, FREE * period_ms, PEAK * FREE * period_ms):
            self._light += 1
            if self._light >= self._hold:
                self._go(self._level - 1)
                self._rose = 0
        else:
            self._light = 0

    def _learn(self, out: Out, ms: float) -> None:
        before = self._costs.get(out)
        self._at += 1
        self._measured[out] = self._at
        if before is None:
            self._costs[out] = ms
            return
        now = before + SMOOTH * (ms - before)
        change = now / before if before > 0 else 1.0
        for other in self._costs:
            if self._at - self._measured[other] > FRESH:
                self._costs[other] *= change
        self._costs[out] = now

    def _fits(self, level: int, mean_ms: float, peak_ms: float) -> bool:
        """As far as is known: what was never measured is tried."""
        often, rarely = self._levels[level]
        light, heavy = self._costs.get(often, 0.0), self._costs.get(rarely, 0.0)
        return heavy <= (mean_ms if often == rarely else peak_ms) and (
            (EVERY - 1) * light + heavy <= EVERY * mean_ms
        )

    def _lighten(self, period_ms: float) -> None:
        """To the first level below that is not known to be too much."""
        if self._rose < self._hold:
            self._hold = min(2 * self._hold, MOST_HOLD)
        elif self._rose >= MOST_HOLD:
            self._hold = HOLD
        self._rose = math.nan
        last = len(self._levels) - 1
        lower = range(self._level + 1, last)
        fitting = (level for level in lower if self._fits(level, FULL * period_ms, PEAK * period_ms))
        self._go(next(fitting, last))

    def _go(self, level: int) -> None:
        if level != self._level:
            self._level, self._at_level, self._light, self._heavy = level, 0, 0, 0


def levels(order: Sequence[str], needs: Mapping[str, Iterable[str]]) -> list[tuple[Out, Out]]:
    """For each level what two of three frames lack, and what the third lacks.

    A task whose needs are left out is left out, too.
    """
    out, found = frozenset[str](), [(frozenset[str](), frozenset[str]())]
    for name in order:
        if name in out:
            continue
        more = with_readers(out | {name}, needs)
        found += [(more, out), (more, more)]
        out = more
    return found


def with_readers(out: Iterable[str], needs: Mapping[str, Iterable[str]]) -> Out:
    """Those tasks, and all that read from one of them."""
    found = frozenset(out)
    while more := {task for task, of in needs.items() if not found.isdisjoint(of)} - found:
        found |= more
    return found

"""Images that a camera took and nobody received: the stamps of the others tell."""

from __future__ import annotations

from collections import deque

INTERVALS = 60  # the period is estimated from so many
FEWEST = 10  # before that many, nothing is said
SHARE = 0.2  # quantile of the intervals that is the period: it holds while most images are lost
NEAR = 0.2  # periods: a gap this near to two of them has one missing; else the camera took its time
PAUSE_NS = 2_000_000_000  # a longer one is a camera that was stopped


class Gaps:
    """Counts images that are missing between others. A camera that halves its rate looks so at first."""

    def __init__(self) -> None:
        self.missing = 0
        self.backwards = 0  # stamps that were not after the one before
        self._last: int | None = None
        self._intervals: deque[int] = deque(maxlen=INTERVALS)

    def add(self, stamp_ns: int) -> None:
        last, self._last = self._last, stamp_ns
        if last is None:
            return
        interval = stamp_ns - last
        if interval <= 0:
            self.backwards += 1
        elif interval < PAUSE_NS:
            self._count(interval)

    def _count(self, interval: int) -> None:
        self._intervals.append(interval)
        if len(self._intervals) < FEWEST:
            return
        period = sorted(self._intervals)[int(SHARE * len(self._intervals))]
        new = self._intervals if len(self._intervals) == FEWEST else [interval]  # at first, all of them
        self.missing += sum(missing(interval / period) for interval in new)


def missing(periods: float) -> int:
    """Images that are missing in a gap of so many periods.

    >>> missing(1.1), missing(1.6), missing(2.1), missing(3.4)
    (0, 0, 1, 2)
    """
    whole = round(periods)
    return max(0, whole - 1) if whole > 2 or abs(periods - whole) < NEAR else 0

"""Images that a camera took and nobody received: the stamps of the others tell, if they keep a beat."""

from __future__ import annotations

from collections import deque

INTERVALS = 60  # the beat is looked for in so many
FEWEST = 10  # before that many, nothing is said
SHARE = 0.2  # quantile of the intervals that is the period: it holds while most images are lost
NEAR = 0.2  # periods: an interval this near to a multiple keeps the beat
BEAT = 0.75  # of the intervals keep it, or the stamps tell of delivery, not of a camera
SHORTEST_NS = 4_000_000  # no camera is faster; images that waited somewhere come so
LONGEST = 20  # periods: a longer interval is no loss, but images that were held back somewhere
PAUSE_NS = 2_000_000_000  # a longer interval is a camera that was stopped


class Gaps:
    """Counts images that are missing between others. A camera that halves its rate looks so at first.

    An interval is judged by all those around it, and for good when it is INTERVALS old: images that come in
    bursts, as after the start of a stream, are no beat and tell of no loss.
    """

    def __init__(self) -> None:
        self.backwards = 0  # stamps that were not after the one before
        self._last: int | None = None
        self._intervals: deque[int] = deque()
        self._judged = 0  # missing by the intervals that are gone

    @property
    def missing(self) -> int:
        period = beat(self._intervals)
        return self._judged + sum(missing(interval / period) for interval in self._intervals if period)

    def add(self, stamp_ns: int) -> None:
        last, self._last = self._last, stamp_ns
        if last is None:
            return
        interval = stamp_ns - last
        if interval <= 0:
            self.backwards += 1
        elif interval < PAUSE_NS:
            self._intervals.append(interval)
        if len(self._intervals) > INTERVALS:
            period = beat(self._intervals)
            oldest = self._intervals.popleft()
            self._judged += missing(oldest / period) if period else 0


def beat(intervals: deque[int]) -> int:
    """The period in nanoseconds; 0: there is none.

    >>> beat(deque([50] * 9)), beat(deque([50_000_000] * 9 + [150_000_000]))
    (0, 50000000)
    """
    if len(intervals) < FEWEST:
        return 0
    period = sorted(intervals)[int(SHARE * len(intervals))]
    if period < SHORTEST_NS:
        return 0
    kept = sum(keeps(interval / period) for interval in intervals)
    return period if kept >= BEAT * len(intervals) else 0


def keeps(periods: float) -> bool:
    whole = round(periods)
    return 1 <= whole <= LONGEST and abs(periods - whole) < NEAR


def missing(periods: float) -> int:
    """Images that are missing in an interval of so many periods.

    >>> missing(1.1), missing(1.6), missing(2.1), missing(3.4), missing(50.0)
    (0, 0, 1, 2, 0)
    """
    whole = round(periods)
    if whole > LONGEST:
        return 0
    return max(0, whole - 1) if whole > 2 or abs(periods - whole) < NEAR else 0

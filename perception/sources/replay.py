"""A recording that is played as a camera would give it: at its own rate, again and again."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from itertools import count
from threading import Event

from perception.errors import SourceError
from perception.interfaces import Source
from perception.sources.stamps import Stamps
from perception.types import Frame

LATE_S = 0.05  # a frame that was due so long before it was asked for is dropped
PAUSE_S = 10.0  # a longer one is not waited for, nor is a step back: the clock of the recording was set


class Replay:
    """Frames are stamped with the time at which they are due, and those that come due while nobody asks are
    dropped. Each turn has another `source`, so that no stage follows from the end to the beginning."""

    live = True
    images = False

    def __init__(
        self,
        opener: Callable[[], Source],
        clock: Callable[[], float] = time.monotonic,
        world_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """Raises as `opener`; SourceError for unrelated images, which have no rate."""
        self._opener, self._clock, self._world_ns = opener, clock, world_ns
        self._stamps = Stamps()
        self._stop, self._begun = Event(), False
        self._lost = 0  # in earlier turns
        self.dropped = 0
        self._source = opener()
        self.fps = self._source.fps
        if self._source.images:
            self._source.close()
            raise SourceError("expected a camera or a video, got unrelated images; see `perception run`")

    def __iter__(self) -> Iterator[Frame]:
        first, self._begun = 0, True
        for turn in count(1):
            last = first
            with closing(self._source):
                for frame, due in self._turn():
                    last = first + frame.seq
                    name = frame.source if turn == 1 else f"{frame.source} ({turn})"
                    world_ns, taken_ns = self._world_ns(), round(due * 1e9)
                    stamp_ns = self._stamps.of(taken_ns, world_ns, round(self._clock() * 1e9))
                    yield replace(frame, seq=last, stamp_ns=stamp_ns, source=name, taken_ns=taken_ns)
            if self._stop.is_set():
                return
            if last == first:
                raise SourceError("expected a video, got one with fewer than two frames")
            self._lost += self._source.lost
            first = last + 1
            self._source = self._opener()

    def _turn(self) -> Iterator[tuple[Frame, float]]:
        """Each frame when it is due, and when that was."""
        shift = last_s = math.nan  # our clock less that of the recording, and what that was
        asked = self._clock()
        for frame in self._source:
            time_s = frame.stamp_ns / 1e9
            if not 0 <= time_s - last_s <= PAUSE_S:
                shift = self._clock() - time_s
            due, last_s = time_s + shift, time_s
            if due < asked - LATE_S:
                self.dropped += 1
                continue
            slow = max(0.0, self._clock() - max(asked, due))  # the recording itself may be slow to read
            shift, due = shift + slow, due + slow
            if self._stop.wait(max(0.0, due - self._clock())):
                return
            yield frame, due
            asked = self._clock()

    @property
    def lost(self) -> int:
        return self._lost + self._source.lost

    def close(self) -> None:
        """Ends the iteration, which closes the recording; one that never began cannot."""
        self._stop.set()
        if not self._begun:
            self._source.close()

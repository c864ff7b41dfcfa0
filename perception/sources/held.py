"""Whether this process was held up: stopped, frozen, or without a processor.

A reader cannot know it of itself: to be held up while it waits looks as if the camera had sent nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from math import inf
from threading import Event, Lock, Thread

EVERY_S, LATE_S = 0.05, 0.1  # between two looks at the clock; a longer time is no wait
SHARE, LONGEST_S = 0.25, 1.0  # of the time it was held up: so long it takes to read what waited meanwhile


class HeldUp:
    """Told by looks at a clock, which goes on meanwhile, that come too late. Threads may share it."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = Lock()
        self._looked_s = clock()
        self._since_s = self._until_s = self._over_s = self._looked_s

    def look(self, empty_s: float = -inf) -> float | None:
        """Since when it was held up, while what waited meanwhile may still be coming; None: it does not.
        `empty_s`: at that time nothing waited, for sure."""
        with self._lock:
            now = self._clock()
            if now - self._looked_s > LATE_S:
                if self._looked_s >= self._over_s:  # else it is the same hold-up, for what still waits
                    self._since_s = self._looked_s
                self._until_s = now
                self._over_s = now + min(SHARE * (now - self._since_s), LONGEST_S)
            self._looked_s = now
            if empty_s > self._until_s:
                self._over_s = min(self._over_s, empty_s)
            return self._since_s if now < self._over_s else None


@cache
def this_process() -> HeldUp:
    """With a thread that looks; where it could not, no other thread could do anything."""
    held, never = HeldUp(time.monotonic), Event()

    def run() -> None:
        while not never.wait(EVERY_S):  # time.sleep fails under some tools that move the clock
            held.look()

    Thread(target=run, name="held up", daemon=True).start()
    return held

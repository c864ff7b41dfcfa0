"""Whether frames of a camera are dropped, because newer ones came before the pipeline was free."""

from __future__ import annotations

import time
from collections.abc import Callable

from perception.account import Account
from perception.health import Health

EVERY_NS = 2_000_000_000
MOST = 0.1  # of the frames: fewer are single accidents


class Drops:
    """Says and clears the reason `dropping`. It hears of every scene, by `run`."""

    def __init__(self, health: Health, clock_ns: Callable[[], int] = time.monotonic_ns) -> None:
        self._health, self._clock_ns = health, clock_ns
        self._looked_ns = clock_ns()
        self._captured = self._dropped = 0  # frames, by then

    def __call__(self, account: Account) -> None:
        """Call it often: it looks every two seconds."""
        now_ns = self._clock_ns()
        if now_ns - self._looked_ns < EVERY_NS:
            return
        captured, dropped = account.captured - self._captured, account.dropped - self._dropped
        self._looked_ns, self._captured, self._dropped = now_ns, account.captured, account.dropped
        if dropped > MOST * captured:
            text = f"the machine is too slow: {dropped} of the last {captured} frames were dropped"
            self._health.say("dropping", text, now_ns)
        else:
            self._health.clear("dropping")

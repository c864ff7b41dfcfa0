"""A thread that asks for the health, because what does not come makes no event."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from threading import Event, Thread

from perception.health.health import Health
from perception.health.report import Report

PERIOD_S = 0.02  # so much later a state is known at the most


class Watcher:
    """Calls every listener with every report, each PERIOD_S. What a listener raises ends the thread."""

    def __init__(
        self,
        health: Health,
        listeners: Sequence[Callable[[Report], None]],
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._health, self._listeners, self._clock_ns = health, listeners, clock_ns
        self._stop = Event()
        self._thread = Thread(target=self._run, name=f"health {health.source}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(PERIOD_S):
            report = self._health.report(self._clock_ns())
            for listen in self._listeners:
                listen(report)


class OnChange:
    """A listener that passes on only reports with another state or other reasons than the one before."""

    def __init__(self, listen: Callable[[Report], None]) -> None:
        self._listen = listen
        self._last: tuple[str, ...] = ()

    def __call__(self, report: Report) -> None:
        now = report.state, *(reason.name for reason in report.reasons)
        if now != self._last:
            self._last = now
            self._listen(report)

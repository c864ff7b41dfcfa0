"""A thread that asks for the health, because what does not come makes no event."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from threading import Event, Thread

from perception.health.health import Health
from perception.health.heat import Heat
from perception.health.notify import notify
from perception.health.reasons import OK
from perception.health.report import Report

PERIOD_S = 0.02  # so much later a state is known at the most

log = logging.getLogger(__name__)


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
        if report.key != self._last:
            self._last = report.key
            self._listen(report)


def tell(report: Report) -> None:
    """In the log, with the report itself for logs that programs read."""
    log.warning("%s: %s", report.source, report.message, extra={"health": report.to_json(time.time_ns())})


@contextmanager
def watching(health: Health | None, *listeners: Callable[[Report], None]) -> Iterator[None]:
    """Inside, changes of a live source's health stand in the log, and systemd and `listeners` hear of it.

    None: of a recording, which has none.
    """
    with ExitStack() as stack:
        teller = notify()
        if teller is not None:
            stack.callback(teller.close)
            teller.heed(Report("", OK, 0, time.monotonic_ns()))
        if health is not None:
            heard: list[Callable[[Report], None]] = [Heat(health), OnChange(tell), *listeners]
            if teller is not None:
                heard.append(teller.heed)
            stack.callback(Watcher(health, heard).close)
        yield

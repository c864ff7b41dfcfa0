"""How a process is told to stop."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from threading import current_thread, main_thread
from typing import Any

STOPS = (signal.SIGTERM, signal.SIGHUP)  # of `kill`, systemd and containers; of a terminal that is closed


@contextmanager
def stopped_as_interrupted() -> Iterator[None]:
    """SIGTERM and SIGHUP do inside what Ctrl-C does at that moment; one that is ignored (nohup) stays so.

    The first process of a container hears only of signals that have a handler: these have.
    """
    with ExitStack() as stack:
        if current_thread() is main_thread():  # only this one may set handlers
            for number in STOPS:
                if signal.getsignal(number) is not signal.SIG_IGN:
                    stack.callback(signal.signal, number, signal.signal(number, _interrupt))
        yield


def _interrupt(number: int, frame: Any) -> None:
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler):
        raise KeyboardInterrupt
    handler(number, frame)

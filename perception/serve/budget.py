"""The threads that all cameras share."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Event, Lock

MOST = 4  # threads of one network, as of `perception.load`


class Budget:
    """`each`: threads of a pipeline. So many pipelines run at a time that all together keep to `threads`;
    the others wait in the order in which they came."""

    def __init__(self, threads: int | None, cameras: int) -> None:
        """threads: None: the cores this process may use."""
        self.threads = threads or len(os.sched_getaffinity(0))
        self.each = min(MOST, max(1, self.threads // cameras))
        self._free = max(1, self.threads // self.each)
        self._lock = Lock()
        self._waiting: deque[Event] = deque()

    @contextmanager
    def turn(self) -> Iterator[None]:
        """While it is held, a pipeline may run."""
        ready = Event()
        with self._lock:
            self._waiting.append(ready)
            self._call()
        ready.wait()
        try:
            yield
        finally:
            with self._lock:
                self._free += 1
                self._call()

    def _call(self) -> None:
        while self._free and self._waiting:
            self._free -= 1
            self._waiting.popleft().set()

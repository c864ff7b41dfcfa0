"""What the node needs of its surroundings, and the least that gives it: topics inside one process."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from threading import Event, Lock, Thread
from types import SimpleNamespace
from typing import Any, Protocol

from perception.messages import Record, fill

Receive = Callable[[Any], None]  # takes a message: an object with the fields of its type
Close = Callable[[], None]


class Publisher(Protocol):
    def publish(self, record: Record) -> None: ...
    def listeners(self) -> int: ...
    def close(self) -> None: ...


class Bus(Protocol):
    """Topics, a clock and a timer. A name that begins with ~ lies below the node's own name."""

    def publisher(self, topic: str, type_name: str, latched: bool = False) -> Publisher:
        """`latched`: who comes later gets the last message."""

    def subscribe(self, topic: str, type_name: str, receive: Receive, reliable: bool = False) -> Close:
        """`receive` must be quick: it may run in the one thread that serves all topics."""

    def every(self, seconds: float, call: Callable[[], None]) -> Close: ...

    def now_ns(self) -> int:
        """Of the clock that stamps images."""

    def sources(self, topic: str) -> int:
        """How many publish it."""

    def lost(self) -> int:
        """Messages that are known not to have arrived."""

    @property
    def exact(self) -> bool:
        """`lost` tells of all of them."""

    def advice(self, type_name: str) -> str:
        """What to do when messages of a type get lost, and why they may."""


class InProcessBus:
    """Callbacks run in the thread that publishes. Messages are SimpleNamespace objects."""

    def __init__(self, name: str = "perception", now_ns: Callable[[], int] = time.time_ns) -> None:
        self.now_ns = now_ns
        self.missed = 0  # images that the source captured and did not give
        self._name = name
        self._lock = Lock()
        self._receivers: defaultdict[str, list[Receive]] = defaultdict(list)
        self._latched: dict[str, Any] = {}
        self._sources: defaultdict[str, int] = defaultdict(int)

    def publisher(self, topic: str, type_name: str, latched: bool = False) -> Publisher:
        topic = self.resolved(topic)
        self._sources[topic] += 1
        return _Publisher(self, topic, type_name, latched)

    def subscribe(self, topic: str, type_name: str, receive: Receive, reliable: bool = False) -> Close:
        topic = self.resolved(topic)
        with self._lock:
            self._receivers[topic].append(receive)
        if topic in self._latched:
            receive(self._latched[topic])
        return partial(self._forget, topic, receive)

    def every(self, seconds: float, call: Callable[[], None]) -> Close:
        stop = Event()

        def run() -> None:
            while not stop.wait(seconds):
                call()

        Thread(target=run, name="timer", daemon=True).start()
        return stop.set

    def sources(self, topic: str) -> int:
        return self._sources[self.resolved(topic)]

    def lost(self) -> int:
        return self.missed

    exact = True

    def advice(self, type_name: str) -> str:
        return "this bus loses nothing: the source leaves them out"

    def listeners(self, topic: str) -> int:
        return len(self._receivers[self.resolved(topic)])

    def send(self, topic: str, message: Any, latched: bool = False) -> None:
        topic = self.resolved(topic)
        if latched:
            self._latched[topic] = message
        with self._lock:
            receivers = list(self._receivers[topic])
        for receive in receivers:
            receive(message)

    def resolved(self, topic: str) -> str:
        """The full name, as ROS 2 does it without a namespace."""
        if topic.startswith("~"):
            return f"/{self._name}{topic[1:]}"
        return topic if topic.startswith("/") else f"/{topic}"

    def withdraw(self, topic: str) -> None:
        self._sources[self.resolved(topic)] -= 1

    def _forget(self, topic: str, receive: Receive) -> None:
        with self._lock:
            if receive in self._receivers[topic]:
                self._receivers[topic].remove(receive)


class _Publisher:
    def __init__(self, bus: InProcessBus, topic: str, type_name: str, latched: bool) -> None:
        self._bus, self._topic, self._type_name, self._latched = bus, topic, type_name, latched
        self._open = True

    def publish(self, record: Record) -> None:
        self._bus.send(self._topic, message(self._type_name, record), self._latched)

    def listeners(self) -> int:
        return self._bus.listeners(self._topic)

    def close(self) -> None:
        if self._open:
            self._bus.withdraw(self._topic)
        self._open = False


def message(type_name: str, record: Mapping[str, Any]) -> Any:
    """A plain object with the fields of `record`."""
    return fill(lambda name: SimpleNamespace, type_name, record)

"""Who looks, and what is made for them: once for all, and only while somebody looks."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from math import inf
from threading import Condition, Thread
from typing import Any, Generic, Protocol, TypeVar

from perception.serve.shot import Look, Shot
from perception.types import Frame, Scene

BACKLOG = 16  # frames that wait for a recording: half a second

T = TypeVar("T")
Taken = tuple[Frame, Scene | None, str, float]  # scene, why it is withheld, age in ms

log = logging.getLogger(__name__)


class Looker(Protocol):
    every: bool  # wants every frame, not the newest

    @property
    def hungry(self) -> bool:
        """Has dealt with what it got, and wants another."""

    def take(self, shot: Shot) -> None:
        """In the studio's thread; must be quick."""


class Studio:
    """Makes shots in a thread of its own, so that the pipeline waits for nobody who looks."""

    def __init__(self, name: str, look: Look, oldest_ms: Callable[[], float] = lambda: inf) -> None:
        """`oldest_ms`: of a scene that may be given to those who look live."""
        self.look = look
        self.made = 0  # shots
        self.missed = 0  # frames that whoever wants every frame did not get
        self._oldest_ms = oldest_ms
        self._changed = Condition()
        self._waiting: deque[Taken] = deque()
        self._lookers: list[Looker] = []
        self._closed = False
        self._thread = Thread(target=self._run, name=f"studio {name}", daemon=True)
        self._thread.start()

    def join(self, looker: Looker) -> None:
        with self._changed:
            self._lookers = [*self._lookers, looker]

    def leave(self, looker: Looker) -> None:
        with self._changed:
            self._lookers = [other for other in self._lookers if other is not looker]

    @property
    def lookers(self) -> int:
        return len(self._lookers)

    def write(self, frame: Frame, scene: Scene | None, withheld: str = "", age_ms: float = 0.0) -> None:
        """A frame that went through the pipeline. Costs nothing while nobody looks."""
        with self._changed:
            if not any(looker.hungry for looker in self._lookers):
                return
            every = any(looker.every for looker in self._lookers)
            while len(self._waiting) >= (BACKLOG if every else 1):
                self._waiting.popleft()
                self.missed += every
            self._waiting.append((frame, scene, withheld, age_ms))
            self._changed.notify()

    def close(self) -> None:
        """After what waits."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout=5.0)

    def _run(self) -> None:
        while (taken := self._next()) is not None:
            frame, scene, withheld, age_ms = taken
            shot = Shot(frame, scene, self.look, withheld, age_ms, self._oldest_ms())
            self.made += 1
            for looker in self._lookers:
                if looker.hungry:
                    try:
                        looker.take(shot)
                    except Exception:  # one who looks must not end it for the others
                        log.exception("a viewer of %s is left out", frame.source)
                        self.leave(looker)

    def _next(self) -> Taken | None:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closed)
            return self._waiting.popleft() if self._waiting else None


class Viewer(Generic[T]):
    """One who looks from the server's loop. Between `next` and the answer it is hungry; what comes while its
    connection is busy is not made for it."""

    every = False

    def __init__(self, studio: Studio, make: Callable[[Shot], T]) -> None:
        self.hungry = False
        self._studio, self._make = studio, make
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[tuple[Shot, T]] | None = None

    def __enter__(self) -> Viewer[T]:
        self._studio.join(self)
        return self

    def __exit__(self, *_: Any) -> None:
        self.hungry = False
        self._studio.leave(self)

    async def next(self) -> T:
        """Of the next frame whose scene is still fresh."""
        while True:
            self._answer = self._loop.create_future()
            self.hungry = True
            shot, made = await self._answer
            if shot.fresh:
                return made

    def take(self, shot: Shot) -> None:
        made = self._make(shot)
        self.hungry = False
        self._loop.call_soon_threadsafe(self._give, shot, made)

    def _give(self, shot: Shot, made: T) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((shot, made))

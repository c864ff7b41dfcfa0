"""How old packets may be that bear no times: by whether the reader had to wait for them.

A packet that was waited for has just come. One that was not lay there, in a pipe or a socket, since the
reader waited last at the most: what it finds after it was held up is not what the camera sees now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

WAITED_S = 0.002  # to hand over what lies there takes less

P = TypeVar("P")


class Waited(Generic[P]):
    """Passes packets on."""

    def __init__(
        self,
        packets: Iterable[P],
        clock: Callable[[], float],
        since_s: float,
        waited: Callable[[float], float | None] | None = None,
    ) -> None:
        """`since_s`: nobody has waited since then: when the stream was opened, which reads ahead. `waited`:
        when, since a time, nothing lay there for the last time, or None; by itself: if a packet took longer
        than WAITED_S, when it came."""
        self._packets, self._clock = iter(packets), clock
        self._since_s = since_s
        self._waited = waited or self._guessed

    @property
    def age_s(self) -> float:
        """The most that the last packet may be old by now."""
        return self._clock() - self._since_s

    def __iter__(self) -> Iterator[P]:
        while True:
            asked_s = self._clock()
            try:
                packet = next(self._packets)
            except StopIteration:
                return
            if (since_s := self._waited(asked_s)) is not None:
                self._since_s = since_s
            yield packet

    def _guessed(self, asked_s: float) -> float | None:
        now_s = self._clock()
        return now_s if now_s - asked_s > WAITED_S else None

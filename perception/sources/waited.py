"""How old packets may be that bear no times: by whether the reader had to wait for them.

A packet that was waited for has just come. One that was not lay there, in a pipe or a socket, since the
reader waited last at the most: what it finds after it was held up is not what the camera sees now.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from math import inf
from typing import Generic, NamedTuple, TypeVar

WAITED_S = 0.002  # to hand over what lies there takes less

P = TypeVar("P")


class Wait(NamedTuple):
    over_s: float  # when it was over
    empty_s: float = -inf  # nothing lay there then, for sure


class Waited(Generic[P]):
    """Passes packets on."""

    def __init__(
        self,
        packets: Iterable[P],
        clock: Callable[[], float],
        since_s: float,
        waited: Callable[[float], Wait | None] | None = None,
        held: Callable[[float], float | None] = lambda empty_s: None,
        behind: Callable[[], bool] = lambda: False,
    ) -> None:
        """`since_s`: nobody has waited since then: when the stream was opened, which reads ahead. `waited`:
        the last wait that ended since a time, or None; by itself: if a packet took longer than WAITED_S, that
        was one. `held`: as `HeldUp.look`; a wait during which the process was held up is
        none. `behind`: the last packet was not given before the next one began."""
        self._packets, self._clock = iter(packets), clock
        self._empty_s = since_s
        self._waited, self._held = waited or self._guessed, held
        self._behind = behind
        self.since_s = since_s  # the last packet cannot have come earlier

    @property
    def age_s(self) -> float:
        """The most that the last packet may be old by now."""
        return self._clock() - self.since_s

    def __iter__(self) -> Iterator[P]:
        while True:
            asked_s = self._clock()
            try:
                packet = next(self._packets)
            except StopIteration:
                return
            before_s = self._empty_s
            self._note(self._waited(asked_s))
            self.since_s = before_s if self._behind() else self._empty_s
            yield packet

    def _note(self, wait: Wait | None) -> None:
        """When nothing lay there for the last time, as far as is sure."""
        if wait is not None:
            self._empty_s = wait.over_s
        if (held_s := self._held(-inf if wait is None else wait.empty_s)) is not None:
            self._empty_s = min(self._empty_s, held_s)

    def _guessed(self, asked_s: float) -> Wait | None:
        now_s = self._clock()
        return Wait(now_s) if now_s - asked_s > WAITED_S else None

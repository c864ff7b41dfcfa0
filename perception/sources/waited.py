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
        waited: Callable[[float], bool] | None = None,
    ) -> None:
        """`since_s`: nobody has waited since then: when the stream was opened, which reads ahead. `waited`:
        whether the reader has since a time; None: it has if a packet took longer than WAITED_S."""
        self._packets, self._clock = iter(packets), clock
        self._since_s = since_s
        self._waited = waited or (lambda asked_s: clock() - asked_s > WAITED_S)

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
            if self._waited(asked_s):
                self._since_s = self._clock()
            yield packet

"""When a frame was taken, by the clock of the world."""

from __future__ import annotations


class Stamps:
    """From times of the monotonic clock. They never go back: where the clock of the world is set back, stamps
    go on at the monotonic one's pace, so that the time between two frames is right."""

    def __init__(self) -> None:
        self._ahead_ns = -(1 << 63)  # the clock of the world, of the monotonic one
        self._last_ns = 0

    def of(self, taken_ns: int, world_ns: int, now_ns: int) -> int:
        """`taken_ns` on the monotonic clock. The world's time was read before that of the monotonic clock:
        held up in between, it seems too little ahead."""
        self._ahead_ns = max(self._ahead_ns, world_ns - now_ns)
        self._last_ns = max(min(taken_ns, now_ns) + self._ahead_ns, self._last_ns + 1)
        return self._last_ns

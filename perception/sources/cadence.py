"""What is missing from a steady beat."""

from __future__ import annotations

STEADY = 10  # equal steps in a row before a longer one means that something is missing
TOLERANCE = 0.1  # of a step: containers with whole milliseconds alternate between 33 and 34


class Cadence:
    """Counts the times that are missing from a steady sequence.

    A container without a frame count does not tell of the frames that were cut out of it; only their
    times are missing. Recordings of changing rate must not look damaged, so a gap counts only if it is a
    multiple of the step, after STEADY equal steps, and if it is no longer than `pause`: a recording that
    was stopped and went on has lost nothing.
    """

    def __init__(self, pause: int) -> None:
        self._pause = pause
        self._last: int | None = None
        self._step = 0
        self._equal = 0

    def missing(self, time: int) -> int:
        """How many times are missing just before this one."""
        step = time - self._last if self._last is not None else 0
        self._last = time
        if abs(step - self._step) <= TOLERANCE * self._step:
            self._equal += 1
            return 0
        steady, self._equal = self._equal >= STEADY and step <= self._pause, 0
        periods = round(step / self._step) if steady else 0
        if periods > 1 and abs(step - periods * self._step) <= TOLERANCE * self._step:
            return periods - 1
        self._step = step
        return 0


class Slots:
    """Counts the empty places of a container that numbers its pictures.

    `slot` is the usual step. A camera that keeps no rate has longer ones: only whole slots are missing.
    """

    def __init__(self, slot: int) -> None:
        self._slot = slot
        self._last: int | None = None

    def missing(self, place: int) -> int:
        """How many pictures are missing just before this one."""
        last, self._last = self._last, place
        return 0 if last is None else max(0, (place - last) // self._slot - 1)

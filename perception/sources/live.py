"""A live camera: one thread that captures, and the newest frame for whoever asks."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from threading import Event, Thread
from typing import NamedTuple, Protocol

import numpy as np

from perception.errors import PerceptionError, SourceError
from perception.sources.mailbox import Mailbox
from perception.types import Frame

FIRST_PAUSE_S, LAST_PAUSE_S = 0.5, 8.0  # back-off before reopening: doubled after every failure
PATIENCE_S = 30.0  # without any frame for so long, reopening has not helped: give up
OLDEST_S = 0.6  # a frame that waited longer is not handed out: nobody shall take it for what is there now

log = logging.getLogger(__name__)


class Shot(NamedTuple):
    image: np.ndarray  # (H, W, 3) uint8 BGR
    age_s: float = 0.0  # since it was taken, as far as the device tells


class Capture(Protocol):
    """An opened device."""

    @property
    def lost(self) -> int:
        """Frames that could not be decoded so far."""

    @property
    def dropped(self) -> int:
        """Frames that were passed over so far, because newer ones waited behind them."""

    def read(self) -> Shot:
        """The next frame. Blocks; raises PerceptionError when the device has failed."""

    def close(self) -> None: ...


class Live:
    """Frames of a camera that may go away and come back.

    The capture thread is the one place that blocks on the device. It reopens a failed device with
    back-off; the first opening happens in the caller's thread, so a wrong name fails at once. A frame
    that cannot be decoded is lost; one that nobody took before the next one came, or within OLDEST_S, is
    dropped: `seq` has a gap there. Stamps are the times of capture by `time.time_ns`, as far as the device
    tells, else those of arrival; they never go back. Raises SourceError after `patience_s` without a frame.
    """

    live = True
    images = False
    fps = None

    def __init__(
        self,
        name: str,
        opener: Callable[[], Capture],
        patience_s: float = PATIENCE_S,
        first_pause_s: float = FIRST_PAUSE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._opener = opener
        self._patience_s = patience_s
        self._first_pause_s = first_pause_s
        self._clock = clock
        self._mailbox: Mailbox[tuple[Frame, float]] = Mailbox()  # with the time of capture, by `clock`
        self._stop = Event()
        self._seq = 0  # of the next frame
        self._stamp_ns = 0  # the last
        self._passed_over = 0  # by the device
        self._too_old = 0  # when they were asked for
        self.lost = 0
        self._thread = Thread(target=self._run, args=(opener(),), name=f"capture {name}", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Frame]:
        while (frame := self._next()) is not None:
            yield frame

    @property
    def dropped(self) -> int:
        return self._passed_over + self._too_old + self._mailbox.overwritten

    def close(self) -> None:
        self._stop.set()
        self._mailbox.close()
        self._thread.join(timeout=2.0)  # a read that hangs in the driver must not hang us: it is a daemon

    def _next(self) -> Frame | None:
        try:
            while (letter := self._mailbox.take(self._patience_s)) is not None:
                frame, taken = letter
                if self._clock() - taken <= OLDEST_S:
                    return frame
                self._too_old += 1
            return None
        except TimeoutError:
            raise SourceError(
                f"{self.name}: expected frames, got none for {self._patience_s:.0f} s; "
                "check that the camera is plugged in, reachable and not in use by another program"
            ) from None

    def _run(self, capture: Capture | None) -> None:
        try:
            pause = self._first_pause_s
            while not self._stop.is_set():
                before = self._seq
                try:
                    self._pump(capture or self._opener())
                except PerceptionError as error:
                    log.warning("%s; reopening", error)
                capture = None
                pause = self._first_pause_s if self._seq > before else min(2 * pause, LAST_PAUSE_S)
                self._stop.wait(pause)
        except BaseException as error:  # a bug: the consumer must hear of it
            self._mailbox.close(error)

    def _pump(self, capture: Capture) -> None:
        """From the device to the mailbox until the device fails or we are closed."""
        known = 0, 0
        with closing(capture):
            while not self._stop.is_set():
                try:
                    shot = capture.read()
                finally:
                    known = self._count(capture, *known)
                self._give(shot)

    def _count(self, capture: Capture, lost: int, dropped: int) -> tuple[int, int]:
        """What is new since it said `lost` and `dropped`; gives what it says now."""
        now = capture.lost, capture.dropped
        self.lost += now[0] - lost
        self._passed_over += now[1] - dropped
        self._seq += sum(now) - lost - dropped
        return now

    def _give(self, shot: Shot) -> None:
        taken_ns = time.time_ns() - round(shot.age_s * 1e9)
        self._stamp_ns = max(taken_ns, self._stamp_ns + 1)
        frame = Frame(shot.image, self._stamp_ns, self._seq, self.name)
        self._mailbox.put((frame, self._clock() - shot.age_s))
        self._seq += 1

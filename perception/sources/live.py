"""A live camera: one thread that captures, and the newest frame for whoever asks."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from threading import Event, Thread
from typing import Protocol

import numpy as np

from perception.errors import PerceptionError, SourceError
from perception.sources.mailbox import Mailbox
from perception.types import Frame

FIRST_PAUSE_S, LAST_PAUSE_S = 0.5, 8.0  # back-off before reopening: doubled after every failure
PATIENCE_S = 30.0  # without any frame for so long, reopening has not helped: give up

log = logging.getLogger(__name__)


class Capture(Protocol):
    """An opened device."""

    @property
    def lost(self) -> int:
        """Frames that could not be decoded so far."""

    def read(self) -> np.ndarray:
        """The next frame, (H, W, 3) uint8 BGR. Blocks; raises PerceptionError when the device has failed."""

    def close(self) -> None: ...


class Live:
    """Frames of a camera that may go away and come back.

    The capture thread is the one place that blocks on the device. It reopens a failed device with
    back-off; the first opening happens in the caller's thread, so a wrong name fails at once. A frame
    that cannot be decoded, or that nobody took before the next one came, is lost: `seq` has a gap there.
    Stamps are arrival times (`time.time_ns`). Raises SourceError after `patience_s` without a frame.
    """

    live = True
    images = False

    def __init__(
        self,
        name: str,
        opener: Callable[[], Capture],
        patience_s: float = PATIENCE_S,
        first_pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        self.name = name
        self._opener = opener
        self._patience_s = patience_s
        self._first_pause_s = first_pause_s
        self._mailbox: Mailbox[Frame] = Mailbox()
        self._stop = Event()
        self._seq = 0  # of the next frame
        self._damaged = 0
        self.lost = 0
        self._thread = Thread(target=self._run, args=(opener(),), name=f"capture {name}", daemon=True)
        self._thread.start()

    def __iter__(self) -> Iterator[Frame]:
        while (frame := self._next()) is not None:
            yield frame

    def close(self) -> None:
        self._stop.set()
        self._mailbox.close()
        self._thread.join(timeout=2.0)  # a read that hangs in the driver must not hang us: it is a daemon

    def _next(self) -> Frame | None:
        try:
            return self._mailbox.take(self._patience_s)
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
        damaged = 0  # of this capture
        with closing(capture):
            while not self._stop.is_set():
                image = capture.read()
                new, damaged = capture.lost - damaged, capture.lost
                self._damaged += new
                self._mailbox.put(Frame(image, time.time_ns(), self._seq + new, self.name))
                self._seq += new + 1
                self.lost = self._damaged + self._mailbox.overwritten

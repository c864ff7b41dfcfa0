"""A live camera: one thread that captures, and the newest frame for whoever asks."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from threading import Event, Thread
from typing import NamedTuple, Protocol

import numpy as np

from perception.errors import AccessError, PerceptionError, SourceError
from perception.health import Health
from perception.sources.lens import LensWatch
from perception.sources.mailbox import Mailbox
from perception.sources.stamps import Stamps
from perception.types import Frame

FIRST_PAUSE_S = 0.1  # before reopening: doubled after every failure, and never the same for two cameras
LAST_PAUSE_S = 0.4  # a camera that is back is found within so long
LOCKED_PAUSE_S = 8.0  # where the password is wrong: cameras lock out who tries too often
PATIENCE_S = 30.0  # without any frame for so long: give up, where the user did not ask for more
OLDEST_S = 0.6  # a frame that waited longer is not handed out: nobody shall take it for what is there now
QUIET_S = 60.0  # between two lines in the log that say the same

log = logging.getLogger(__name__)


class Shot(NamedTuple):
    image: np.ndarray  # (H, W, 3) uint8 BGR
    taken_s: float | None = None  # on the monotonic clock, as far as the device tells; None: now


class Capture(Protocol):
    """An opened device."""

    @property
    def lost(self) -> int:
        """Frames that could not be decoded so far."""

    @property
    def dropped(self) -> int:
        """Frames that were passed over so far, because newer ones waited behind them."""

    def read(self) -> Shot:
        """The next frame. Blocks; raises PerceptionError when the device has failed or gives no frames."""

    def close(self) -> None: ...


class Live:
    """Frames of a camera that may be absent, go away and come back.

    The capture thread is the one place that blocks on the device. It opens the device, and a failed one
    again, with back-off; `health` says how that goes, and what is wrong with the pictures. A frame
    that cannot be decoded is lost; one that nobody took before the next one came, or within OLDEST_S, is
    dropped: `seq` has a gap there. Stamps are the times of capture by `time.time_ns`, as far as the device
    tells, else those of arrival (see `Stamps`). Raises SourceError after `patience_s` without a frame that
    is handed out; None: never.
    """

    live = True
    images = False
    fps = None

    def __init__(
        self,
        name: str,
        opener: Callable[[], Capture],
        patience_s: float | None = PATIENCE_S,
        first_pause_s: float = FIRST_PAUSE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.patience_s = patience_s
        self.health = Health(name, now_ns=round(clock() * 1e9))
        self.lost = 0
        self._opener = opener
        self._first_pause_s = first_pause_s
        self._clock = clock
        self._lens = LensWatch(self.health)
        self._mailbox: Mailbox[Frame] = Mailbox()
        self._stop = Event()
        self._seq = 0  # of the next frame
        self._stamps = Stamps()
        self._passed_over = 0  # by the device
        self._too_old = 0  # when they were asked for
        self._trouble = ""  # why there is no camera
        self._said: dict[str, float] = {}  # in the log, and when
        self._thread = Thread(target=self._run, name=f"capture {name}", daemon=True)
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
        late_ns = None  # since when those that come are too old
        try:
            while (frame := self._mailbox.take(self.patience_s)) is not None:
                now_ns = self._now_ns()
                if now_ns - (frame.taken_ns or 0) <= OLDEST_S * 1e9:
                    return frame
                self._too_old += 1
                late_ns = late_ns or now_ns
                if self.patience_s is not None and now_ns - late_ns > self.patience_s * 1e9:
                    raise TimeoutError
            return None
        except TimeoutError:
            cause = f" ({self._trouble})" if self._trouble else ""
            raise SourceError(
                f"{self.name}: expected frames, got none for {self.patience_s:.0f} s{cause}; "
                "check that the camera is plugged in, reachable and not in use by another program"
            ) from None

    def _run(self) -> None:
        try:
            self._lens.warm()
            pause = self._first_pause_s
            while not self._stop.is_set():
                before, most = self._seq, LAST_PAUSE_S
                try:
                    self._pump(self._opener())
                except PerceptionError as error:
                    self._away(error)
                    most = LOCKED_PAUSE_S if isinstance(error, AccessError) else LAST_PAUSE_S
                pause = self._first_pause_s if self._seq > before else min(2 * pause, most)
                self._stop.wait(pause * random.uniform(0.5, 1.0))
        except BaseException as error:  # a bug: the consumer must hear of it
            self._mailbox.close(error)

    def _away(self, error: PerceptionError) -> None:
        """The camera cannot be opened, or has failed."""
        self._trouble = str(error)
        name = "login" if isinstance(error, AccessError) else "no_camera"
        self._lens.forget()
        self.health.clear("no_frames")
        self.health.say(name, self._trouble, self._now_ns())
        now = self._clock()
        if now - self._said.get(self._trouble, -np.inf) > QUIET_S:
            self._said = {text: then for text, then in self._said.items() if now - then <= QUIET_S}
            self._said[self._trouble] = now
            log.warning("%s; reopening", error)

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
        world_ns, now_ns = time.time_ns(), self._now_ns()  # held up in between, a stamp is rather too old
        taken_ns = now_ns if shot.taken_s is None else round(shot.taken_s * 1e9)
        stamp_ns = self._stamps.of(taken_ns, world_ns, now_ns)
        self.health.arrived(now_ns)
        self._judge((now_ns - taken_ns) / 1e9, now_ns)
        self._lens(shot.image, now_ns)
        self._mailbox.put(Frame(shot.image, stamp_ns, self._seq, self.name, taken_ns=taken_ns))
        self._seq += 1

    def _judge(self, age_s: float, now_ns: int) -> None:
        """A frame that is too old when it comes is as good as none."""
        if age_s <= OLDEST_S:
            self.health.clear("no_frames")
            return
        self._trouble = f"frames are {age_s:.1f} s old when they come"
        self.health.say("no_frames", self._trouble, now_ns)

    def _now_ns(self) -> int:
        return round(self._clock() * 1e9)

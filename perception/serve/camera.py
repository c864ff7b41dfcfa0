"""One camera and its pipeline: a thread that takes frames, looks at them, and keeps its health."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from threading import Event, Lock, Thread
from typing import Any, Protocol

import numpy as np

from perception.account import Account
from perception.errors import AccessError, FrameError, PerceptionError
from perception.guard import Guard, See
from perception.health import Health, Report
from perception.interfaces import Source
from perception.pipeline import Outcome, run
from perception.serve.budget import Budget
from perception.serve.shot import Look
from perception.serve.viewers import Studio
from perception.shedding import Turn
from perception.timing import PERCENTILES, Stages
from perception.types import Frame, Scene, Size

FIRST_PAUSE_S, LAST_PAUSE_S = 0.5, 8.0  # before a source is opened again: doubled after every failure
KEPT = 300  # frames of the times that are told

log = logging.getLogger(__name__)


class Pipe(Protocol):
    """What `Camera` needs of a Pipeline."""

    def __call__(self, frame: Frame) -> Scene: ...
    def reset(self) -> None: ...
    def close(self) -> None: ...


class Camera:
    """Sees until `close`. A source that cannot be opened or fails is opened again, for ever: an absent camera
    is a state, which `health` tells, and no error."""

    def __init__(
        self,
        name: str,
        opener: Callable[[], Source],
        pipeline: Pipe,
        look: Look,
        budget: Budget,
        health: Health,
        shedding: Callable[[Health, Turn], See] | None = None,
        first_pause_s: float = FIRST_PAUSE_S,
    ) -> None:
        """`shedding`: makes of `pipeline` one that leaves out what is too much for the machine, and holds
        the turn that it is given."""
        self.name, self.health, self.look = name, health, look
        self.studio = Studio(name, look, lambda: self.health.limits.oldest_ms)
        self.size: Size | None = None  # of the last frame
        self.calibrated = False
        self.times = Times()
        self.on_scene: Callable[[float, Scene], None] = lambda age_ms, scene: None
        self._opener, self._pipeline, self._budget = opener, pipeline, budget
        self._shedding = shedding
        self._look_at: See = self._in_turn
        self._first_pause_s = first_pause_s
        self._source: Source | None = None
        self._watched = False  # the source tells the health of its frames
        # Of the sources that are closed, and of the open one: one name, so that nothing is counted twice.
        self._accounts = Account(), Outcome()
        self._stop = Event()
        self._thread = Thread(target=self._run, name=f"camera {name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if (source := self._source) is not None:
            source.close()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)
        self.studio.close()
        self._pipeline.close()

    @property
    def account(self) -> Account:
        """Of all frames since the start."""
        before, outcome = self._accounts
        return before + outcome

    def report(self) -> Report:
        return self.health.report(time.monotonic_ns())

    def write(self, frame: Frame, scene: Scene) -> None:
        """Of the sink that `run` fills."""
        age_ms = scene.age_ms or 0.0
        self.times.add(age_ms, scene)
        self.on_scene(age_ms, scene)
        self.studio.write(frame, scene, "", age_ms)

    def _run(self) -> None:
        pause = self._first_pause_s
        while not self._stop.is_set():
            before, outcome = self._accounts
            self._once(outcome)
            self._accounts = before + outcome, Outcome()
            pause = self._first_pause_s if outcome.answered else min(2 * pause, LAST_PAUSE_S)
            self._stop.wait(pause)

    def _once(self, outcome: Outcome) -> None:
        """Open the source and see until it ends."""
        try:
            self._source = self._opener()
            if self._stop.is_set():
                self._source.close()
                return
            self._watched = getattr(self._source, "health", None) is not None
            self.health = self._of(self._source)
            self._pipeline.reset()
            if self._shedding:
                self._look_at = self._shedding(self.health, self._budget.turn)
            see = Guard(self._see, self.health, withheld=self._withheld)
            run(self._source, see, [_Sink(self)], outcome=outcome)
            ended = "the source has ended"
        except FrameError as error:  # so many in a row that the health has told it
            ended = str(error)
        except PerceptionError as error:
            ended = str(error)
            name = "login" if isinstance(error, AccessError) else "no_camera"
            self.health.say(name, ended, time.monotonic_ns())
        except Exception as error:  # a fault of ours: the other cameras go on, and so does this one
            log.exception("camera %s", self.name)
            ended = f"{type(error).__name__}: {error}"
            self.health.say("failing", ended, time.monotonic_ns())
        if not self._stop.is_set():
            log.warning("camera %s: %s; opening it again", self.name, ended)

    def _of(self, source: Source) -> Health:
        """A live source has a health, and tells it what it sees; of another one it is ours."""
        own: Health | None = getattr(source, "health", None)
        if own is None:
            return self.health
        own.limits = self.health.limits
        return own

    def _see(self, frame: Frame) -> Scene:
        self.size, self.calibrated = frame.size, frame.camera is not None
        if not self._watched:
            self.health.arrived(time.monotonic_ns())
        return self._look_at(frame)

    def _in_turn(self, frame: Frame) -> Scene:
        with self._budget.turn():
            return self._pipeline(frame)

    def _withheld(self, frame: Frame, objection: str, age_ms: float) -> None:
        """It is shown that nothing is."""
        self.studio.write(frame, None, objection, age_ms)


class _Sink:
    """Closed with every source, where the camera goes on."""

    def __init__(self, camera: Camera) -> None:
        self.write = camera.write

    def close(self) -> None:
        pass


class Times:
    """Of the last KEPT scenes: their age when they were ready, where the time went, and their rate."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._ages: deque[float] = deque(maxlen=KEPT)
        self._ready: deque[float] = deque(maxlen=KEPT)
        self._stages = Stages(KEPT)

    def add(self, age_ms: float, scene: Scene) -> None:
        with self._lock:
            self._ages.append(age_ms)
            self._ready.append(self._clock())
            self._stages.add(scene.timing_ms)

    def told(self, over_s: float = 2.0) -> dict[str, Any]:
        """fps over the last seconds; milliseconds of age and of the stages."""
        with self._lock:
            now = self._clock()
            recent = [at for at in self._ready if at > now - over_s]
            known = np.percentile(self._ages, PERCENTILES).tolist() if self._ages else []
            stages = self._stages.percentiles() if self._ages else {}
        return {
            "fps": round(len(recent) / over_s, 1),
            "age_ms": {f"p{p}": round(ms, 1) for p, ms in zip(PERCENTILES, known, strict=False)},
            "ms": {name: row["p50"] for name, row in stages.items()},
        }

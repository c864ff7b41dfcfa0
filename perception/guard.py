"""Fail closed: the scenes of a live camera are given while they are fresh, or they are not given."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from perception.errors import FrameError, Withheld
from perception.health import Health
from perception.types import Frame, Scene

See = Callable[[Frame], Scene]


class Guard:
    """A pipeline that tells `health` how its frames fare, and gives no scene to which that objects.

    Frames need `taken_ns`; their scenes carry their age.
    """

    def __init__(
        self,
        pipeline: See,
        health: Health,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        withheld: Callable[[Frame, str, float], None] = lambda frame, objection, age_ms: None,
    ) -> None:
        """`withheld` hears of every frame whose scene is not given, why, and its age in milliseconds."""
        self._pipeline, self.health, self._clock_ns = pipeline, health, clock_ns
        self._withheld = withheld

    def __call__(self, frame: Frame) -> Scene:
        """Raises FrameError as the pipeline does, Withheld for a scene that is not to be given."""
        try:
            scene = self._pipeline(frame)
        except FrameError as error:
            self.health.failed(str(error), self._clock_ns())
            raise
        now_ns = self._clock_ns()
        age_ms = (now_ns - (frame.taken_ns or 0)) / 1e6
        if objection := self.health.judge(age_ms, now_ns):
            self._withheld(frame, objection, age_ms)
            raise Withheld(f"the scene of frame {frame.seq} is withheld: {objection}")
        return replace(scene, age_ms=age_ms)


def guarded(pipeline: See, source: object) -> See:
    """The pipeline for a source: that of a live one is guarded by its health, if it is not guarded yet."""
    health = getattr(source, "health", None)
    return pipeline if health is None or isinstance(pipeline, Guard) else Guard(pipeline, health)

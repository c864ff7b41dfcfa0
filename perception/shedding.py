"""A pipeline that leaves tasks out of single frames when the machine is too slow."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from perception.bundle import TaskSpec
from perception.errors import PerceptionError
from perception.health import Health
from perception.interfaces import Task
from perception.overload import Overload
from perception.pipeline import Pipeline
from perception.types import Frame, Scene

Turn = Callable[[], AbstractContextManager[None]]
Running = Task | TaskSpec
ORDER = ("signs", "detection")  # unless the user says otherwise; those that run


def order(tasks: Sequence[Running], wanted: Sequence[str] | None) -> tuple[str, ...]:
    """What is shed: `wanted`, where ("none",) is nothing; None: of ORDER what runs, one task kept.

    Raises PerceptionError for a task that there is not, or if none is left.
    """
    if wanted is not None:
        found = () if tuple(wanted) == ("none",) else tuple(wanted)
        _overload(tasks, found)
        return found
    running = [task.name for task in tasks]
    usual = [name for name in ORDER if name in running]
    return tuple(usual if len(usual) < len(running) else usual[:-1])


def _overload(tasks: Sequence[Running], order: Sequence[str]) -> Overload:
    needs = {task.name: task.needs for task in tasks}
    unknown = [name for name in order if name not in needs]
    if unknown:
        raise PerceptionError(f"expected tasks of {', '.join(needs)} to shed, got {unknown[0]!r}")
    overload = Overload(order, needs)
    if any(out >= set(needs) for out in overload.sets):
        raise PerceptionError("expected at least one task that is not shed; take one out of --shed")
    return overload


class Shedding:
    """Scenes name what was left out of them; the health says what is left out for now."""

    def __init__(
        self,
        pipeline: Pipeline,
        health: Health,
        order: Sequence[str] = ORDER,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        turn: Turn = nullcontext,
    ) -> None:
        """Opens the networks without the outputs of what may be left out. Raises PerceptionError for a task
        that there is not, or if none is left.

        `turn`: what the pipeline waits for and holds while it runs: waiting for the threads that others
        use is time of the frame.
        """
        self._overload = _overload(pipeline.tasks, order)
        for out in self._overload.sets:
            pipeline.prepare(out)
        self._pipeline, self._health, self._clock_ns, self._turn = pipeline, health, clock_ns, turn
        self._last: tuple[frozenset[str], int] | None = None  # what the last frame lacked; its nanoseconds

    def __call__(self, frame: Frame) -> Scene:
        """Raises as the pipeline does."""
        self._judge()
        out, begun_ns = self._overload.next(), self._clock_ns()
        try:
            with self._turn():
                scene = self._pipeline(frame, out)
        finally:
            self._last = out, self._clock_ns() - begun_ns
        return replace(scene, shed=tuple(sorted(out))) if out else scene

    def spent(self, ms: float) -> None:
        """The last frame took so much more, to write its scene."""
        if self._last is not None:
            self._last = self._last[0], self._last[1] + round(ms * 1e6)

    def _judge(self) -> None:
        """The last frame is done."""
        period_ms = self._health.period_ms
        if self._last is None or period_ms is None:
            return
        out, ns = self._last
        before = self._overload.text
        self._overload.measured(out, ns / 1e6, min(period_ms, self._health.limits.deadline_ms))
        text = self._overload.text
        if text and text != before:
            self._health.say("shed", f"left out, because the machine is too slow: {text}", self._clock_ns())
        elif not text:
            self._health.clear("shed")

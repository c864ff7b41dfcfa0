"""The state machine: fed with what happens, asked for how things stand."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from threading import Lock

from perception.health.reasons import FAILED, OK, RANK, REASONS, STARTING
from perception.health.report import Reason, Report
from perception.redaction import redacted

MS = 1_000_000
AWAY = ("no_camera", "login")  # until the next frame; who says "no_frames" clears it
INTERVALS = 9  # between frames: their median is the period of the camera
FEWEST = 3  # of them, before it is known
UNKNOWN_NS = 1_000 * MS  # taken for the period until then
PAUSE_NS = 2_000 * MS  # a longer interval is a camera that was away


@dataclass(frozen=True)
class Limits:
    """What is borne."""

    deadline_ms: float = 200.0  # age of a scene when it is ready
    stale_ms: float = 300.0  # and the camera's period: age of the newest scene, at any time
    overdue_ms: float = 250.0  # a frame may come so long after it is due
    oldest_ms: float = 600.0  # a scene that is older is not given
    misses: int = 10  # scenes later than the deadline, less those in time: then none is given until it is 0
    failures: int = 10  # frames in a row without a result: then all is failed
    recovery: int = 30  # answers in a row after which a failure is forgotten


class Health:
    """Of one source and its pipeline. Threads may share it. It has no clock and no thread of its own.

    `now_ns` is everywhere the same clock, which never goes back (time.monotonic_ns). A scene is given only
    if `judge` does not object: what is old, what comes from a frozen camera, and all after too many missed
    deadlines is withheld. Without a scene that is fresh the state is `stale` or `failed`, never `ok`.
    """

    def __init__(self, source: str = "", limits: Limits | None = None, now_ns: int = 0) -> None:
        self.source = redacted(source)
        self.limits = limits or Limits()
        self._lock = Lock()
        self._held: dict[str, Reason] = {}
        self._state, self._since_ns = STARTING, now_ns
        self._begun_ns = now_ns
        self._arrived_ns: int | None = None  # the newest frame
        self._intervals: deque[int] = deque(maxlen=INTERVALS)
        self._taken_ns: int | None = None  # the frame of the newest scene that was given
        self._judged_ns: int | None = None  # when the newest was ready, given or withheld
        self._misses = self._failures = self._in_row = 0

    def arrived(self, now_ns: int) -> None:
        """The camera gave a frame."""
        with self._lock:
            if self._arrived_ns is not None and now_ns - self._arrived_ns < PAUSE_NS:
                self._intervals.append(now_ns - self._arrived_ns)
            self._arrived_ns = now_ns
            self._clear(*AWAY)

    def judge(self, age_ms: float, now_ns: int) -> str:
        """A scene is ready, whose frame was taken `age_ms` ago: why it must not be given; "": it may."""
        with self._lock:
            self._judged_ns = now_ns
            self._succeeded()
            self._punctual(age_ms, now_ns)
            if not age_ms <= self.limits.oldest_ms:  # NaN, too
                return f"it is {age_ms:.0f} ms old"
            for reason in self._held.values():
                if REASONS[reason.name].withholds:
                    return f"{reason.name}: {reason.text}"
            self._taken_ns = now_ns - round(age_ms * MS)
            return ""

    def failed(self, text: str, now_ns: int) -> None:
        """A frame was looked at and gave no scene."""
        with self._lock:
            self._failures, self._in_row = self._failures + 1, 0
            if self._failures < self.limits.failures:
                self._say("failures", f"a frame failed: {text}", now_ns)
            else:
                self._clear("failures")
                self._say("failing", f"the last {self._failures} frames failed: {text}", now_ns)

    def say(self, name: str, text: str, now_ns: int) -> None:
        """Something is amiss, a name of REASONS, until `clear`. Its beginning stays when it is said again."""
        if name not in REASONS:
            raise ValueError(f"expected a reason of {', '.join(REASONS)}, got {name!r}")
        with self._lock:
            self._say(name, text, now_ns)

    def clear(self, *names: str) -> None:
        with self._lock:
            self._clear(*names)

    def report(self, now_ns: int) -> Report:
        """How things stand. Ask often: `no_frames` and `no_scenes` begin without any event."""
        with self._lock:
            reasons = sorted(
                [*self._held.values(), *self._silence(now_ns)],
                key=lambda reason: (-RANK[reason.state], reason.since_ns),
            )
            state = reasons[0].state if reasons else OK
            if self._taken_ns is None and state != FAILED:
                state = STARTING
            if state != self._state:
                self._state, self._since_ns = state, now_ns
            age_ms = None if self._taken_ns is None else (now_ns - self._taken_ns) / MS
            withheld = any(REASONS[reason.name].withholds for reason in reasons)
            hung = self._hangs(now_ns) or any(REASONS[reason.name].hung for reason in reasons)
            return Report(self.source, state, self._since_ns, now_ns, tuple(reasons), age_ms, withheld, hung)

    @property
    def period_ms(self) -> float | None:
        """Of the camera, as its frames arrive; None: not known yet."""
        with self._lock:
            return self._period_ns / MS if len(self._intervals) >= FEWEST else None

    @property
    def _period_ns(self) -> int:
        known = len(self._intervals) >= FEWEST
        return sorted(self._intervals)[len(self._intervals) // 2] if known else UNKNOWN_NS

    def _due_ns(self) -> int:
        """When the next frame is expected."""
        return (self._begun_ns if self._arrived_ns is None else self._arrived_ns) + self._period_ns

    def _overdue(self, now_ns: int) -> bool:
        return now_ns > self._due_ns() + self.limits.overdue_ms * MS

    def _silence(self, now_ns: int) -> list[Reason]:
        """What is missing by now."""
        if any(REASONS[name].rests for name in self._held):
            return []
        if self._overdue(now_ns):
            if any(name in self._held for name in (*AWAY, "no_frames")):
                return []
            said = "never gave one" if self._arrived_ns is None else "gives none any more"
            return [Reason("no_frames", f"the camera {said}", self._due_ns())]
        if self._taken_ns is None:
            return []
        since_ns = self._taken_ns + self._period_ns + self._allowed_ns
        text = f"the newest scene is older than {self._allowed_ns / MS:.0f} ms"
        return [Reason("no_scenes", text, since_ns)] if now_ns > since_ns else []

    def _hangs(self, now_ns: int) -> bool:
        """Are there frames, and no scene of them, not even one that is withheld?"""
        rests = any(REASONS[name].rests for name in self._held)
        if self._judged_ns is None or rests or self._overdue(now_ns):
            return False
        return now_ns > self._judged_ns + self._period_ns + self._allowed_ns

    @property
    def _allowed_ns(self) -> int:
        """How old the newest scene may be, beyond the period of the camera."""
        return round(max(self.limits.stale_ms, self.limits.deadline_ms) * MS)

    def _succeeded(self) -> None:
        self._clear("failing")
        self._failures, self._in_row = 0, self._in_row + 1
        if self._in_row >= self.limits.recovery:
            self._clear("failures")

    def _punctual(self, age_ms: float, now_ns: int) -> None:
        """Count the misses up, the others down: between two limits nothing changes."""
        limits = self.limits
        miss = not age_ms <= limits.deadline_ms
        self._misses = min(limits.misses, max(0, self._misses + (1 if miss else -1)))
        text = f"scenes are {age_ms:.0f} ms old, the deadline is {limits.deadline_ms:.0f}"
        if self._misses == limits.misses:
            self._clear("late")
            self._say("deadline", text, now_ns)
        elif miss and "deadline" not in self._held:
            self._say("late", text, now_ns)
        elif not self._misses:
            self._clear("late", "deadline")

    def _say(self, name: str, text: str, now_ns: int) -> None:
        since_ns = self._held[name].since_ns if name in self._held else now_ns
        self._held[name] = Reason(name, redacted(text), since_ns)

    def _clear(self, *names: str) -> None:
        for name in names:
            self._held.pop(name, None)

"""What the node counts, and how that reads in /diagnostics."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass
from threading import Lock

import numpy as np

from perception.account import Account
from perception.messages import Record
from perception.node.gaps import Gaps
from perception.timing import PERCENTILES, Stages

KEPT = 300  # frames of the latency metrics
RECENT_S = 10.0  # of the recent counts


@dataclass(frozen=True)
class Counts:
    """Images. `captured` is the sum of the next four and of those still at work."""

    captured: int = 0  # while the node was on: `received` without `ignored`, and `lost`
    answered: int = 0
    dropped: int = 0  # a newer one came before the network was free
    failed: int = 0
    lost: int = 0  # taken by the camera but not received
    received: int = 0
    ignored: int = 0  # came while the node was switched off by ~/enable
    backwards: int = 0  # not after the one before, by their stamps

    def since(self, before: Counts) -> Counts:
        return Counts(*(a - b for a, b in zip(astuple(self), astuple(before), strict=True)))


class Counting:
    """One thread says what arrived, one what became of it, one asks."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.error = ""  # of the last failure
        self.in_row = 0  # failures since the last answer
        self.frame_ids: set[str] = set()  # of the images since the node was activated
        self._clock = clock
        self._lock = Lock()
        self._account = Account()  # of what was received
        self._ignored = 0
        self._lost = self._backwards = 0  # of earlier activations
        self._gaps = Gaps()
        self._heard = clock()
        self._ages: deque[float] = deque(maxlen=KEPT)
        self._fresh: deque[float] = deque(maxlen=KEPT)  # ages on arrival
        self._stages = Stages(KEPT)
        self._history = deque([(clock(), Counts())])  # and when

    def activated(self) -> None:
        """What came before says nothing about what comes now."""
        with self._lock:
            self._lost, self._backwards = (
                self._lost + self._gaps.missing,
                self._backwards + self._gaps.backwards,
            )
            self._gaps = Gaps()
            self._heard = self._clock()
            self._fresh.clear()
            self.frame_ids.clear()

    def arrived(self, stamp_ns: int, frame_id: str, age_ms: float = 0.0, ignored: bool = False) -> int:
        """`age_ms`: by its stamp. Gives the number of images before it, those that were ignored included."""
        with self._lock:
            number = self._account.captured + self._ignored
            self._account.captured += not ignored
            self._ignored += ignored
            self._heard = self._clock()
            self.frame_ids.add(frame_id)
            self._gaps.add(stamp_ns)
            self._fresh.append(age_ms)
            return number

    def dropped(self, frames: int) -> None:
        with self._lock:
            self._account.dropped += frames

    def settle(self) -> None:
        """What was received and is not accounted for will not be answered: it counts as dropped."""
        with self._lock:
            self._account.settle()

    def answered(self, age_ms: float, timing_ms: Mapping[str, float]) -> None:
        """`age_ms`: from the stamp to the answer."""
        with self._lock:
            self._account.answered += 1
            self.in_row = 0
            self._ages.append(age_ms)
            self._stages.add(timing_ms)

    def failed(self, error: str) -> None:
        with self._lock:
            self._account.failed += 1
            self.in_row += 1
            self.error = error

    def ahead_ms(self) -> float:
        """How far in the future images are stamped, by their median; 0: they are not."""
        with self._lock:
            return max(0.0, -float(np.median(self._fresh))) if self._fresh else 0.0

    def silent_s(self) -> float:
        """Since the last image, or since the node was activated."""
        return self._clock() - self._heard

    def counts(self, lost: int = 0, exact: bool = False) -> Counts:
        """`lost`: what the middleware says. Unless that is `exact`, the stamps say it, too; the larger number
        is believed."""
        with self._lock:
            missing = 0 if exact else self._lost + self._gaps.missing
            backwards = self._backwards + self._gaps.backwards
            own, lost = self._account, max(lost, missing)
            captured, received = own.captured + lost, own.captured + self._ignored
            known = own.answered, own.dropped, own.failed, lost
            return Counts(captured, *known, received, self._ignored, backwards)

    def recent(self, now: Counts) -> Counts:
        """What was added during the last RECENT_S, or since the call before if that is longer ago."""
        with self._lock:
            time_s = self._clock()
            self._history.append((time_s, now))
            while self._history[1][0] <= time_s - RECENT_S:
                self._history.popleft()
            return now.since(self._history[0][1])

    def latency(self) -> dict[str, dict[str, float]]:
        """Stage, and "age" -> percentile ("p50") -> milliseconds, of the last KEPT answers."""
        with self._lock:
            if not self._ages:
                return {}
            ages = np.percentile(self._ages, PERCENTILES).tolist()
            age = {f"p{p}": round(ms, 3) for p, ms in zip(PERCENTILES, ages, strict=True)}
            return {**self._stages.percentiles(), "age": age}


def status(name: str, device: str, level: int, message: str, values: Mapping[str, object]) -> Record:
    """diagnostic_msgs/DiagnosticStatus."""
    pairs = [{"key": key, "value": str(value)} for key, value in values.items()]
    return {"level": level, "name": name, "message": message, "hardware_id": device, "values": pairs}


def readings(counts: Counts, latency: Mapping[str, Mapping[str, float]]) -> dict[str, object]:
    """The values of the status: the counts by name, `age_ms_p95`, `network_ms_p50`, ..."""
    times = {
        f"{stage}_ms_{percentile}": ms for stage, row in latency.items() for percentile, ms in row.items()
    }
    return {**vars(counts), **times}

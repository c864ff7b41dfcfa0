"""How things stand at one moment. Times are nanoseconds of the clock that feeds `Health`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from perception.health.reasons import DEGRADED, OK, RANK, REASONS, STARTING


@dataclass(frozen=True)
class Reason:
    """Something that is amiss."""

    name: str  # of REASONS
    text: str  # what was found
    since_ns: int

    @property
    def state(self) -> str:
        return REASONS[self.name].state

    @property
    def remedy(self) -> str:
        return REASONS[self.name].remedy


@dataclass(frozen=True)
class Report:
    """The state of one source and its pipeline, and why."""

    source: str
    state: str  # of STATES
    since_ns: int  # of the state
    now_ns: int
    reasons: tuple[Reason, ...] = ()  # worst first, then the oldest
    age_ms: float | None = None  # of the newest scene that was given, by now; None: there is none
    withheld: bool = False  # scenes are computed and not given
    hung: bool = False  # frames come and nothing becomes of them, or they fail: a new start may help

    @property
    def ready(self) -> bool:
        """Scenes are given, and they are fresh."""
        return self.state in (OK, DEGRADED)

    @property
    def key(self) -> tuple[str, ...]:
        """What is news if it changes: the state and the names of the reasons."""
        return self.state, *(reason.name for reason in self.reasons)

    @property
    def message(self) -> str:
        """One line for people."""
        return "; ".join([self.state, *(f"{reason.name}: {reason.text}" for reason in self.reasons)])

    def to_json(self, unix_ns: int) -> dict[str, Any]:
        """What json.dumps takes; `unix_ns`: now, by the clock of the world, on which its times are told."""
        shift = unix_ns - self.now_ns
        return {
            "source": self.source,
            "state": self.state,
            "since_ns": self.since_ns + shift,
            "ready": self.ready,
            "withheld": self.withheld,
            "age_ms": None if self.age_ms is None else round(self.age_ms, 1),
            "reasons": [
                {
                    "name": reason.name,
                    "state": reason.state,
                    "text": reason.text,
                    "since_ns": reason.since_ns + shift,
                    "remedy": reason.remedy,
                }
                for reason in self.reasons
            ],
        }


def worst(states: Iterable[str]) -> str:
    """Of several sources; one that starts is worse than a degraded one, because it gives nothing yet."""
    return max(states, key=lambda state: RANK[DEGRADED] + 0.5 if state == STARTING else RANK[state])

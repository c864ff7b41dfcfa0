"""What a probe says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from perception.errors import PerceptionError

OK, SKIPPED, DEGRADED, UNUSABLE = "ok", "skipped", "degraded", "unusable"
EXIT = {OK: 0, SKIPPED: 0, DEGRADED: 1, UNUSABLE: 2}


@dataclass(frozen=True)
class Finding:
    """`facts`: numbers and names for programs; `name` and `seconds` are filled in by `examine`."""

    status: str  # a key of EXIT
    seen: str
    advice: str = ""  # what to do; also of an ok that could be better
    facts: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""
    seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "facts": dict(self.facts)}


def ok(seen: str, advice: str = "", **facts: Any) -> Finding:
    return Finding(OK, seen, advice, facts)


def skipped(seen: str, **facts: Any) -> Finding:
    """There is nothing to look at here, and that is fine."""
    return Finding(SKIPPED, seen, "", facts)


def degraded(seen: str, advice: str, **facts: Any) -> Finding:
    """Perception works, but slower, or not with everything."""
    return Finding(DEGRADED, seen, advice, facts)


def unusable(seen: str, advice: str, **facts: Any) -> Finding:
    """Perception does not work on this machine until this is mended."""
    return Finding(UNUSABLE, seen, advice, facts)


def refused(error: PerceptionError, otherwise: str = "") -> Finding:
    """Degraded, as an error says it; `otherwise`: what to do, if it does not say that."""
    advice = error.remedy or otherwise
    return degraded(error.seen, advice[:1].upper() + advice[1:])


def worst(findings: list[Finding]) -> str:
    """The status of the whole: "ok", "degraded" or "unusable"."""
    return max((finding.status for finding in findings), key=EXIT.__getitem__, default=OK).replace(
        SKIPPED, OK
    )

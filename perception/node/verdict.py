"""What the node's counts mean: reasons of its health, and the level of /diagnostics.

What becomes of an image (`late`, `deadline`, `failures`, `failing`) is said by `Health` itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from perception.health import DEGRADED, FAILED, OK, STALE, STARTING, Report
from perception.node.counting import Counts
from perception.node.parameters import Settings

LEVELS = {OK: 0, STARTING: 1, DEGRADED: 1, FAILED: 2, STALE: 3}  # of diagnostic_msgs/DiagnosticStatus
ODD_CLOCK_MS = 10_000.0  # an image of another age has its stamp from another clock
AHEAD_MS = 100.0  # /clock may tick so rarely that a stamp is ahead of it; by more, a clock is wrong
FEWEST = 10  # images, before a share of them says anything


@dataclass(frozen=True)
class Facts:
    """What is known when the timer ticks."""

    state: str  # "unconfigured", "inactive" or "active"
    enabled: bool = True
    silent_s: float = 0.0
    sources: int = 1  # publishers of the image topic
    recent: Counts = Counts()  # noqa: RUF009 (frozen)
    age_ms: float = 0.0  # p95
    ahead_ms: float = 0.0  # stamps of the future
    frame_ids: tuple[str, ...] = ()
    camera: str = ""  # what is wrong with CameraInfo
    own_motion: str = ""  # what is wrong with it
    advice: str = ""  # against loss in transport


def level(report: Report) -> tuple[int, str]:
    """Level and message; of several reasons, all are told and the worst gives the level."""
    return LEVELS[report.state], "; ".join(reason.text for reason in report.reasons) or "active"


def findings(facts: Facts, settings: Settings) -> dict[str, str]:
    """Names of `perception.health.REASONS`, and what was found."""
    if facts.state != "active":
        return {"inactive": facts.state}
    if not facts.enabled:
        return {"disabled": "switched off; call ~/enable to go on"}
    return dict(_faults(facts, settings))


def _faults(facts: Facts, settings: Settings) -> Iterator[tuple[str, str]]:
    if facts.silent_s > settings.stale_s:
        yield "no_frames", f"no image on {settings.image_topic} for {facts.silent_s:.1f} s: {_silence(facts)}"
    yield from _transport(facts)
    yield from _speed(facts, settings)
    if facts.camera:
        yield "calibration", facts.camera
    if facts.own_motion:
        yield "own_motion", facts.own_motion


def _silence(facts: Facts) -> str:
    if not facts.sources:
        return "nobody publishes it; start the camera driver or set image_topic and transport"
    return f"it has {facts.sources} publisher(s), but nothing arrives. {facts.advice}"


def _transport(facts: Facts) -> Iterator[tuple[str, str]]:
    if facts.recent.lost > 0:
        yield "losing", f"{facts.recent.lost} images did not arrive (gaps between stamps). {facts.advice}"
    if facts.recent.backwards:
        yield "backwards", f"{facts.recent.backwards} images are stamped no later than the one before"
    if len(facts.frame_ids) > 1:
        yield "mixed", f"images of several cameras on one topic: {', '.join(facts.frame_ids)}"


def _speed(facts: Facts, settings: Settings) -> Iterator[tuple[str, str]]:
    if abs(facts.age_ms) > ODD_CLOCK_MS:
        yield (
            "clock",
            f"images are {facts.age_ms / 1000:.0f} s old by their stamps: set use_sim_time or set the clocks",
        )
    elif facts.ahead_ms > AHEAD_MS:
        yield (
            "clock",
            f"images are stamped {facts.ahead_ms:.0f} ms in the future: set the clock of the camera",
        )
    recent = facts.recent
    if recent.received >= FEWEST and recent.dropped > settings.max_dropped * recent.received:
        yield (
            "dropping",
            f"the network is too slow: {recent.dropped} of {recent.received} images were dropped",
        )

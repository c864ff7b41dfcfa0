"""What the node's metrics mean: the level and the message of /diagnostics."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from perception.node.health import Counts
from perception.node.parameters import Settings
from perception.pipeline import MAX_FAILURES

OK, WARN, ERROR, STALE = range(4)  # diagnostic_msgs/DiagnosticStatus
RANK = (OK, WARN, STALE, ERROR)  # the later, the worse
ODD_CLOCK_MS = 10_000.0  # an image of another age has its stamp from another clock
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
    in_row: int = 0  # failures
    error: str = ""
    frame_ids: tuple[str, ...] = ()
    camera: str = ""  # what is wrong with CameraInfo or the own motion
    advice: str = ""  # against loss in transport


def verdict(facts: Facts, settings: Settings) -> tuple[int, str]:
    """Level and message; of several faults, all are told and the worst gives the level."""
    if facts.state != "active":
        return WARN, facts.state
    if not facts.enabled:
        return WARN, "switched off; call ~/enable to go on"
    found = [*_faults(facts, settings)]
    if not found:
        return OK, "active"
    return max((level for level, _ in found), key=RANK.index), "; ".join(text for _, text in found)


def _faults(facts: Facts, settings: Settings) -> Iterator[tuple[int, str]]:
    if facts.in_row >= MAX_FAILURES:
        yield ERROR, f"the last {facts.in_row} images failed: {facts.error}"
    elif facts.recent.failed:
        yield WARN, f"{facts.recent.failed} images failed: {facts.error}"
    if facts.silent_s > settings.stale_s:
        yield STALE, f"no image on {settings.image_topic} for {facts.silent_s:.1f} s: {_silence(facts)}"
    yield from _transport(facts)
    yield from _speed(facts, settings)
    if facts.camera:
        yield WARN, facts.camera


def _silence(facts: Facts) -> str:
    if not facts.sources:
        return "nobody publishes it; start the camera driver or set image_topic and transport"
    return f"it has {facts.sources} publisher(s), but nothing arrives. {facts.advice}"


def _transport(facts: Facts) -> Iterator[tuple[int, str]]:
    if facts.recent.lost > 0:
        yield WARN, f"{facts.recent.lost} images did not arrive (gaps between stamps). {facts.advice}"
    if facts.recent.backwards:
        yield WARN, f"{facts.recent.backwards} images are stamped no later than the one before"
    if len(facts.frame_ids) > 1:
        yield WARN, f"images of several cameras on one topic: {', '.join(facts.frame_ids)}"


def _speed(facts: Facts, settings: Settings) -> Iterator[tuple[int, str]]:
    if abs(facts.age_ms) > ODD_CLOCK_MS:
        yield (
            WARN,
            f"images are {facts.age_ms / 1000:.0f} s old by their stamps: set use_sim_time or set the clocks",
        )
    elif facts.age_ms > settings.deadline_ms:
        yield WARN, f"results are {facts.age_ms:.0f} ms old (p95), the deadline is {settings.deadline_ms:.0f}"
    recent = facts.recent
    if recent.received >= FEWEST and recent.dropped > settings.max_dropped * recent.received:
        yield WARN, f"the network is too slow: {recent.dropped} of {recent.received} images were dropped"

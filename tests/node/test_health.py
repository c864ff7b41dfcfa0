"""Gaps in stamps, counts, and what the node makes of them."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from perception.health import DEGRADED, OK, STALE, Health
from perception.node.counting import RECENT_S, Counting, Counts
from perception.node.gaps import Gaps
from perception.node.parameters import Settings
from perception.node.verdict import Facts, findings, level

MS = 1_000_000


def gaps(stamps) -> Gaps:
    found = Gaps()
    for stamp in stamps:
        found.add(stamp)
    return found


def test_a_steady_camera_misses_nothing():
    assert gaps(k * 50 * MS + (k % 3) * 5 * MS for k in range(200)).missing == 0


def test_missing_images_are_counted():
    lost = {40, 60, 61, 90}
    assert gaps(k * 50 * MS for k in range(100) if k not in lost).missing == len(lost)


def test_most_images_missing_are_counted():
    kept = [k for k in range(300) if k % 7 in (0, 1)]
    found = gaps(k * 50 * MS for k in kept)
    assert found.missing > 0.8 * (300 - len(kept))


def test_a_camera_that_takes_its_time_is_no_loss():
    irregular = [0]
    for k in range(100):
        irregular.append(irregular[-1] + (50 + 25 * (k % 2)) * MS)
    assert gaps(irregular).missing == 0


def test_a_pause_is_no_loss_and_a_step_back_is_counted():
    stamps = [k * 50 * MS for k in range(20)]
    found = gaps([*stamps, *(s + 60_000 * MS for s in stamps), *stamps, stamps[-1]])
    assert (found.missing, found.backwards) == (0, 2)


@pytest.mark.parametrize("quick_ms", [3.0, 9.0])
def test_images_that_waited_and_come_at_once_are_no_loss(quick_ms):
    """As after the start of a stream, and from a starved reader for ever."""
    start = [k * quick_ms for k in range(26)]
    stream = start + [start[-1] + 33.3 * k + (k % 3) for k in range(1, 200)]
    starved = [1000 * (k // 14) + (k % 14) * quick_ms for k in range(300)]
    assert gaps(round(ms * MS) for ms in stream).missing == 0
    assert gaps(round(ms * MS) for ms in starved).missing == 0


def test_counts_survive_a_second_activation():
    health = Counting()
    for _ in range(2):
        health.activated()
        for k in range(20):
            health.arrived((k + (k > 15)) * 50 * MS, "front")
    assert health.counts().lost == 2
    assert health.counts(lost=7).lost == 7
    assert health.counts(lost=1, exact=True).lost == 1


def test_what_is_not_accounted_for_was_dropped():
    health = Counting()
    for k in range(5):
        health.arrived(k, "front", ignored=k == 0)
    health.answered(3.0, {"network": 2.0})
    health.failed("no")
    health.settle()
    counts = health.counts(lost=3)
    assert (counts.captured, counts.dropped, counts.received) == (7, 2, 5)
    assert counts.captured == counts.answered + counts.dropped + counts.failed + counts.lost


def test_recent_counts_forget_by_time_however_often_they_are_asked_for():
    now = [0.0]
    health = Counting(lambda: now[0])
    health.recent(Counts(received=10, lost=3))
    for _ in range(100):
        now[0] += RECENT_S / 200
        assert health.recent(Counts(received=15, lost=3)) == Counts(received=15, lost=3)
    now[0] = RECENT_S + 0.01
    assert health.recent(Counts(received=17, lost=3)) == Counts(received=7)


def test_no_metrics_before_the_first_answer():
    health = Counting()
    assert health.latency() == {}
    health.answered(12.0, {"network": 4.0})
    assert health.latency()["age"] == {"p50": 12.0, "p95": 12.0, "p99": 12.0}
    assert health.latency()["total"]["p50"] == 4.0


ACTIVE = Facts("active", advice="use other cables")
FULL = Counts(received=100, answered=100)


@pytest.mark.parametrize(
    ("change", "state", "says"),
    [
        ({}, OK, "active"),
        ({"state": "inactive"}, DEGRADED, "inactive"),
        ({"enabled": False}, DEGRADED, "switched off"),
        ({"silent_s": 5.0}, STALE, "no image on image for 5.0 s: it has 1 publisher.*other cables"),
        ({"silent_s": 5.0, "sources": 0}, STALE, "nobody publishes it"),
        ({"recent": replace(FULL, lost=4)}, DEGRADED, r"4 images did not arrive.*other cables"),
        ({"recent": replace(FULL, backwards=1)}, DEGRADED, "no later than"),
        ({"recent": replace(FULL, dropped=90)}, DEGRADED, "too slow: 90 of 100"),
        ({"recent": replace(FULL, dropped=50)}, OK, "active"),
        ({"age_ms": -3_600_000.0}, DEGRADED, "use_sim_time"),
        ({"ahead_ms": 90.0}, OK, "active"),
        ({"ahead_ms": 110.0}, DEGRADED, "110 ms in the future: set the clock"),
        ({"frame_ids": ("left", "right")}, DEGRADED, "several cameras on one topic: left, right"),
        ({"camera": "no good"}, DEGRADED, "no good"),
        ({"own_motion": "frozen"}, DEGRADED, "frozen"),
        ({"camera": "no good", "silent_s": 9.0}, STALE, "no image.*; no good"),
    ],
)
def test_every_fault_has_its_state_and_names_its_cause(change, state, says):
    health = Health()
    assert health.judge(20.0, 1) == ""
    for name, text in findings(replace(ACTIVE, **change), Settings()).items():
        health.say(name, text, 1)
    report = health.report(2)
    assert report.state == state
    assert re.search(says, level(report)[1])

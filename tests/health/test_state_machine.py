"""What happens, and the state that follows from it; a camera of 30 frames a second."""

from __future__ import annotations

import json
from itertools import count

import pytest

from perception.health import DEGRADED, FAILED, OK, REASONS, STALE, STARTING, STATES, Health, Limits, worst
from perception.health.reasons import RANK

MS = 1_000_000
PERIOD = 33 * MS


def healthy(limits: Limits | None = None) -> tuple[Health, int]:
    """After 20 frames and their scenes, 20 ms old each; gives the time of the last one, too."""
    health, now = Health("cam", limits), 0
    for now in range(0, 20 * PERIOD, PERIOD):
        health.arrived(now)
        assert health.judge(20.0, now + 20 * MS) == ""
    return health, now + 20 * MS


def judged(health: Health, ages_ms: list[float], now: int) -> list[bool]:
    """Whether scenes of these ages may be given; one for each frame."""
    given = []
    for step, age_ms in zip(count(), ages_ms, strict=False):
        health.arrived(now + step * PERIOD)
        given.append(not health.judge(age_ms, now + step * PERIOD))
    return given


def names(health: Health, now: int) -> list[str]:
    return [reason.name for reason in health.report(now).reasons]


def test_it_starts_and_becomes_ok_with_the_first_scene():
    health = Health("cam", now_ns=5)
    assert health.report(6).state == STARTING
    health.arrived(7)
    assert health.report(8).state == STARTING
    assert health.judge(1.0, 9) == ""
    assert (health.report(9).state, health.report(9).ready) == (OK, True)


def test_an_absent_camera_is_a_start_with_a_reason():
    health = Health("cam")
    health.say("no_camera", "no such device", 5)
    report = health.report(60_000 * MS)
    assert (report.state, [reason.since_ns for reason in report.reasons]) == (STARTING, [5])
    health.arrived(60_001 * MS)
    assert health.report(60_001 * MS).reasons == ()


@pytest.mark.parametrize("frames_go_on", [False, True])
def test_stale_is_told_within_300_ms(frames_go_on):
    """Of the moment at which the next frame, or its scene, was due."""
    health, now = healthy()
    for later in range(0, 600 * MS, MS):
        if frames_go_on and later % PERIOD == 0:
            health.arrived(now + later)
        if health.report(now + later).state == STALE:
            break
    assert 200 * MS < later <= PERIOD + 300 * MS
    assert names(health, now + later) == ["no_scenes" if frames_go_on else "no_frames"]


def test_it_is_not_ok_again_before_there_is_a_new_scene():
    health, now = healthy()
    health.arrived(now + 5000 * MS)
    assert health.report(now + 5000 * MS).state == STALE
    assert health.judge(20.0, now + 5020 * MS) == ""
    assert health.report(now + 5020 * MS).state == OK


def test_a_slower_camera_is_told_once_and_then_borne():
    health, now = healthy()
    for step in range(1, 12):
        health.arrived(now + step * 500 * MS)
        health.judge(20.0, now + step * 500 * MS)
    assert health.report(now + 11 * 500 * MS + 400 * MS).state == OK


def test_late_scenes_are_told_and_too_many_withheld_until_they_are_in_time():
    limits = Limits(misses=4)
    health, now = healthy(limits)
    assert judged(health, [250.0] * 6, now) == [True] * 3 + [False] * 3
    assert (health.report(now).state, health.report(now).withheld) == (FAILED, True)
    assert judged(health, [20.0] * 5, now + 6 * PERIOD) == [False] * 3 + [True] * 2
    assert health.report(now + 11 * PERIOD).state == OK


@pytest.mark.parametrize("age_ms", [601.0, float("nan"), float("inf")])
def test_an_old_scene_is_never_given(age_ms):
    health, now = healthy()
    assert judged(health, [age_ms], now) == [False]


def test_a_frozen_picture_is_stale_and_gives_nothing():
    health, now = healthy()
    health.say("frozen", "the same picture for 8 frames", now)
    assert judged(health, [20.0], now) == [False]
    assert (health.report(now).state, health.report(now).withheld) == (STALE, True)
    health.clear("frozen")
    assert judged(health, [20.0], now + PERIOD) == [True]


@pytest.mark.parametrize(("reason", "age_ms"), [("frozen", 20.0), ("deadline", 250.0)])
def test_scenes_that_are_withheld_are_signs_of_life(reason, age_ms):
    """A new start mends neither the camera nor the machine, and ends what the other cameras record."""
    health, now = healthy()
    health.say(reason, "so it is", now)
    for _ in range(100):
        now += PERIOD
        health.arrived(now)
        assert judged(health, [age_ms], now) == [False]
        report = health.report(now + PERIOD - 1)
        assert (report.hung, report.ready) == (False, False)


def test_frames_of_which_nothing_becomes_hang():
    health, now = healthy()
    for step in range(1, 20):
        health.arrived(now + step * PERIOD)
    assert health.report(now + 19 * PERIOD).hung
    health.judge(2_000.0, now + 19 * PERIOD)
    assert not health.report(now + 19 * PERIOD).hung, "too old to be given, but an answer"
    assert not health.report(now + 119 * PERIOD).hung, "the camera is away"


def test_a_failure_degrades_and_many_fail():
    health, now = healthy(Limits(failures=3, recovery=2))
    health.failed("NaN", now)
    assert (health.report(now).state, names(health, now)) == (DEGRADED, ["failures"])
    health.failed("NaN", now)
    health.failed("NaN", now)
    assert (health.report(now).state, names(health, now)) == (FAILED, ["failing"])
    assert health.report(now).hung
    assert judged(health, [20.0], now) == [True]
    assert health.report(now).state == OK


def test_the_worst_reason_gives_the_state_and_all_are_told():
    health, now = healthy()
    health.say("black", "mean 3", now)
    health.say("frozen", "same", now + 1)
    health.say("black", "mean 2", now + 2)
    report = health.report(now + 3)
    assert [(r.name, r.text, r.since_ns) for r in report.reasons] == [
        ("frozen", "same", now + 1),
        ("black", "mean 2", now),
    ]


def test_a_node_that_rests_expects_no_frames():
    health, now = healthy()
    health.say("disabled", "switched off", now)
    assert names(health, now + 60_000 * MS) == ["disabled"]


def test_the_json_form_tells_the_time_of_the_world_and_no_password():
    health = Health("rtsp://me:secret@host/cam")
    health.say("no_camera", "rtsp://me:secret@host/cam: refused", 40 * MS)
    told = health.report(100 * MS).to_json(unix_ns=1_700_000_000_100_000_000)
    assert told["reasons"][0]["since_ns"] == 1_700_000_000_040_000_000
    assert "secret" not in json.dumps(told)
    assert told["reasons"][0]["remedy"]


def test_an_unknown_reason_is_a_bug():
    with pytest.raises(ValueError, match="got 'tired'"):
        Health().say("tired", "", 0)


def test_every_reason_leads_to_a_state_and_of_several_sources_the_worst_counts():
    assert {kind.state for kind in REASONS.values()} == set(RANK) - {OK} < set(STATES)
    assert worst([OK, DEGRADED]) == DEGRADED
    assert worst([DEGRADED, STARTING]) == STARTING
    assert worst([STARTING, STALE]) == STALE

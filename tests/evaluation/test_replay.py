"""Virtual real time: ages and drops of known clocks."""

import json

import numpy as np
import pytest

from perception.errors import PerceptionError
from perception.evaluation.replay import Pace, canonical, replay

MS = 1_000_000


def letters(*arrivals_ms):
    return ((at * MS, at) for at in arrivals_ms)


def taken(arrivals_ms, service_ms):
    """(frame, age, dropped before it) of every answer; a frame is named by its arrival."""
    answers = replay(letters(*arrivals_ms), lambda at: at, Pace(service_ms))
    return [(answer.result, answer.age_ms, answer.dropped) for answer in answers]


def test_without_a_clock_every_frame_is_seen_in_order():
    answers = list(replay(letters(0, 50, 50, 40), lambda at: at))
    assert [answer.result for answer in answers] == [0, 50, 50, 40]
    assert {(answer.age_ms, answer.dropped) for answer in answers} == {(None, 0)}


def test_a_fast_device_drops_nothing_and_every_age_is_the_service_time():
    assert taken(range(0, 500, 50), 30) == [(at, 30, 0) for at in range(0, 500, 50)]


def test_a_slow_device_takes_the_newest_frame_when_it_is_free():
    """Busy for 120 ms with a frame each 50: free at 120, 220 (the frame of 100 waited 20), ..."""
    assert taken(range(0, 301, 50), 120) == [(0, 120, 0), (100, 140, 1), (200, 160, 1), (300, 180, 1)]


def test_a_frame_that_comes_when_the_device_becomes_free_replaces_the_waiting_one():
    assert taken([0, 50, 100, 150], 100) == [(0, 100, 0), (100, 100, 1), (150, 150, 0)]


def test_the_last_frame_is_always_seen():
    assert taken([0, 1, 2, 3], 1000)[-1] == (3, 1997, 2)


def test_an_idle_device_takes_the_first_of_two_frames_of_one_stamp():
    assert taken([0, 0], 10) == [(0, 10, 0), (0, 20, 0)]


def test_a_stamp_that_jumps_back_arrives_with_the_frame_before_it():
    assert taken([100, 20, 200], 10) == [(100, 10, 0), (20, 20, 0), (200, 10, 0)]


def test_measured_times_are_those_of_the_work():
    times = iter([120.0, 10.0, 10.0])
    answers = replay(letters(0, 50, 100, 150), lambda at: next(times), Pace(), lambda spent: spent)
    assert [(answer.age_ms, answer.dropped) for answer in answers] == [(120, 0), (30, 1), (10, 0)]


def test_the_queue_is_bounded_and_every_frame_is_answered_or_dropped():
    rng = np.random.default_rng(0)
    arrivals = np.cumsum(rng.integers(1, 60, 500)).tolist()
    answers = taken(arrivals, 47.3)
    assert len(answers) + sum(dropped for *_, dropped in answers) == 500
    assert max(age for _, age, _ in answers) <= 2 * 47.3


def test_frames_are_read_one_ahead_and_no_more():
    read = []
    stream = ((at * MS, read.append(at) or at) for at in range(1000))
    next(replay(stream, lambda at: at, Pace(0.5)))
    assert len(read) <= 2


@pytest.mark.parametrize("text", ["", "fast", "0", "-3", "nan", "inf"])
def test_a_pace_is_refused_by_name(text):
    with pytest.raises(PerceptionError, match=f"every, measured or milliseconds, got '{text}'"):
        Pace.parse(text)
    assert (Pace.parse("every"), Pace.parse("measured"), Pace.parse("33.3")) == (None, Pace(), Pace(33.3))


def test_equal_scenes_have_equal_lines_whatever_they_took():
    one, other = ({"seq": 1, "timing_ms": {"network": ms}, "lanes": []} for ms in (1.0, 2.0))
    assert canonical(json.dumps(one)) == canonical(json.dumps(other).encode()) == b'{"lanes":[],"seq":1}'
    assert canonical(json.dumps(one)) != canonical(json.dumps(one | {"seq": 2}))

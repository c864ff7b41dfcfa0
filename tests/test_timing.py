"""Stage times and their percentiles."""

import math
import time

import pytest

from perception.timing import KEPT, USUAL_FPS, Stages, stage, usable_fps


def test_a_stage_is_measured_in_milliseconds():
    timing: dict[str, float] = {}
    with stage(timing, "nap"):
        time.sleep(0.01)
    assert 10 <= timing["nap"] < 1000


def test_percentiles_of_every_stage_and_of_their_sum():
    stages = Stages()
    for ms in range(101):
        stages.add({"network": ms, "lanes": 2 * ms})
    got = stages.percentiles()
    assert list(got) == ["network", "lanes", "total"]
    assert got["network"] == {"p50": 50, "p95": 95, "p99": 99}
    assert got["total"]["p95"] == pytest.approx(3 * 95)


def test_nothing_measured():
    assert Stages().percentiles() == {}


def test_a_long_run_keeps_a_bounded_number():
    stages = Stages()
    for ms in range(KEPT + 10):
        stages.add({"network": ms})
    assert stages.percentiles()["network"]["p50"] == pytest.approx(10 + (KEPT - 1) / 2)


@pytest.mark.parametrize("fps", [0.0, -30.0, 0.0009, 1e6, math.inf, math.nan])
def test_what_no_camera_does_is_no_rate(fps):
    assert usable_fps(fps) == USUAL_FPS
    assert usable_fps(0.5) == 0.5

"""Metrics against those of a reference."""

import pytest

from perception.evaluation.gate.metrics import judge

REFERENCE = {"lanes.drawn.f1": 0.8, "synthetic.lanes.median_m": 0.10, "lanes.t.fp": 0.2}


def failures(now, tolerance=0.01):
    return {case.name: case.failure for case in judge(REFERENCE, now, tolerance) if case.failure}


def test_metrics_may_rise_and_fall_by_the_tolerance():
    assert not failures(REFERENCE)
    assert not failures({"lanes.drawn.f1": 0.79, "synthetic.lanes.median_m": 0.15, "lanes.t.fp": 0.21})
    assert not failures({"lanes.drawn.f1": 0.99, "synthetic.lanes.median_m": 0.0, "lanes.t.fp": 0.0})


@pytest.mark.parametrize(
    ("name", "value"),
    [("lanes.drawn.f1", 0.785), ("synthetic.lanes.median_m", 0.16), ("lanes.t.fp", 0.22)],
)
def test_what_got_worse_by_more_is_a_failure(name, value):
    assert set(failures({**REFERENCE, name: value})) == {name}
    assert not failures({**REFERENCE, name: value}, tolerance=0.1)


def test_a_failure_tells_both_values():
    assert failures({**REFERENCE, "lanes.drawn.f1": 0.7}) == {
        "lanes.drawn.f1": "-10.0: from 80.0 to 70.0, allowed 1.0"
    }


def test_a_metric_that_is_gone_is_a_failure_and_a_new_one_is_not():
    now = {**REFERENCE, "drivable.new.iou": 0.1}
    del now["lanes.drawn.f1"]
    assert "is its task or drive missing" in failures(now)["lanes.drawn.f1"]
    assert len(failures(now)) == 1


def test_counts_and_seconds_may_change_in_their_own_units():
    was = {"tracking.road.vehicle.switches": 3.0, "events.road.lead.delay_s": 0.2}
    now = {"tracking.road.vehicle.switches": 6.0, "events.road.lead.delay_s": 0.25}
    (switches, delay) = judge(was, now, 0.01)
    assert delay.failure is None
    assert switches.failure == "+3: from 3 to 6, allowed 2"

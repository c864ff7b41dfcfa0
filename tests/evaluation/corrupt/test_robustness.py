"""mPC, rPC and which task breaks first, from made-up records."""

import numpy as np
import pytest

from perception.evaluation.corrupt.drives import Condition
from perception.evaluation.corrupt.robustness import (
    Robustness,
    draws,
    first_broken,
    interval,
    robustness,
    summary,
)
from perception.evaluation.records import FrameRecord
from perception.tasks.evidence import Counts

FOG1, FOG5 = Condition("fog", 1), Condition("fog", 5)


def records(area, lines, sets=("a", "b")):
    """Four frames a set: `area` of 100 pixels right, and of ten lines `lines` found."""
    said = {
        "drivable.a": Counts("iou", np.array([area, 100.0])),
        "lanes.a": Counts("hits", np.array([lines, 10.0 - lines, lines, 10.0 - lines])),
    }
    return [FrameRecord(name, seq, 0, "", (), said) for name in sets for seq in range(4)]


def test_what_is_left_is_told_by_task():
    tasks = robustness(records(80, 8), {FOG1: records(60, 8), FOG5: records(20, 4)})
    area = tasks["drivable"]
    assert (area.clean[0], area.mpc()[0], area.rpc()[0]) == pytest.approx((0.8, 0.4, 0.5))
    assert tasks["lanes"].rpc()[0] == pytest.approx(0.75)


def test_the_task_that_breaks_first_does_so_at_the_lowest_severity():
    tasks = robustness(records(80, 8), {FOG1: records(50, 7), FOG5: records(40, 1)})
    assert first_broken(tasks, "fog", (1, 5)) == "drivable"
    assert first_broken(tasks, "fog", (5,)) == "lanes"
    unhurt = robustness(records(80, 8), {FOG1: records(80, 8)})
    assert first_broken(unhurt, "fog", (1,)) is None


def test_the_same_frames_are_drawn_from_each_set():
    weights = draws(records(1, 1), 50)
    assert (weights[0] == 1).all()
    assert (weights[1:, :4].sum(1) == 4).all()
    assert (weights[1:, 4:].sum(1) == 4).all()
    assert (weights[1:, :4] != weights[1:, 4:]).any()


def test_an_interval_is_of_the_share_that_is_left():
    mixed = records(80, 8, "a") + records(20, 8, "b")
    found = summary(robustness(records(80, 8), {FOG1: mixed}), ["fog"], [1])
    left = found["tasks"]["drivable"]["rpc"]
    assert left["low"] < left["value"] < left["high"] or left["low"] == left["high"] == left["value"]
    assert found["tasks"]["lanes"]["rpc"] == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_there_is_no_interval_from_single_frames():
    single = [record for record in records(80, 8) if record.seq == 0]
    found = summary(robustness(single, {FOG1: single}), ["fog"], [1])
    assert found["tasks"]["drivable"]["rpc"] == {"value": 1.0, "low": None, "high": None}


def test_nothing_is_left_of_nothing():
    nothing = np.zeros(3)
    task = Robustness("IoU", nothing, {FOG1: nothing})
    assert np.isnan(task.rpc()).all()
    assert first_broken({"drivable": task}, "fog", (1,)) is None


def test_groups_are_means_of_their_own_kinds():
    rain = Condition("rain", 1)
    tasks = robustness(records(80, 8), {FOG1: records(40, 8), rain: records(80, 8)})
    groups = summary(tasks, ["fog", "rain"], [1])["tasks"]["drivable"]["groups"]
    assert {name: own["rpc"]["value"] for name, own in groups.items()} == {"benchmark": 0.5, "road": 1.0}


def test_a_draw_without_any_truth_is_left_out():
    """Of twelve pictures two have signs, and all are read."""
    some = [
        FrameRecord("a", k, 0, "", (), {"a.sign": Counts("read", np.array([1.0, 0, 1, 0]) * (k < 2))})
        for k in range(12)
    ]
    assert interval(robustness(some, {FOG1: some})["signs"].clean) == {"value": 1.0, "low": 1.0, "high": 1.0}

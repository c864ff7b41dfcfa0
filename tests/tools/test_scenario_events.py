"""Drives without pictures: the truth of the scenario, and what a network would see of it."""

from itertools import islice

import numpy as np

from tools.scenario_events import counts, drive, judged


def some(name, seed, frames=40):
    return list(islice(drive(name, seed), frames))


def test_two_runs_are_equal():
    first, second = some("braking", 1, 5), some("braking", 1, 5)
    for (_, _, a), (_, _, b) in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.detections.xyxy, b.detections.xyxy)
        assert len(a.lanes) == len(b.lanes) > 0


def test_boxes_are_near_those_of_the_truth():
    """The lead is alone in its lane, and seen in nearly every frame."""
    near = 0
    for _, truth, scene in some("follow", 0):
        leads = [x.number for x in truth.moving.happenings if x.name == "lead"]
        box = truth.moving.xyxy[np.isin(truth.moving.number, leads)]
        away = np.abs(scene.detections.xyxy[:, None] - box).max(2)
        near += bool(away.size) and away.min() < 10
    assert near > 35


def test_a_lead_that_brakes_is_told():
    told = counts(judged("braking", 1))
    assert told["collision"] == {"right": 1, "false": 0, "found": 1, "missed": 0}

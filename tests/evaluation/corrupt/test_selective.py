"""Areas under risk-coverage curves, by hand."""

import numpy as np
import pytest

from perception.evaluation.corrupt.drives import Condition
from perception.evaluation.corrupt.selective import COVERED, aurc, letting_through, selective
from perception.evaluation.records import FrameRecord
from perception.tasks.evidence import Counts

LOSS = np.array([0.0, 1.0, 0.5, 0.5])


def test_the_area_is_the_mean_risk_over_coverages():
    assert aurc(LOSS, np.array([4.0, 1.0, 3.0, 2.0]))[0] == pytest.approx((0 + 1 / 4 + 1 / 3 + 2 / 4) / 4)
    assert aurc(LOSS, -LOSS)[0] == pytest.approx((0 + 1 / 4 + 1 / 3 + 2 / 4) / 4)
    assert aurc(LOSS, LOSS)[0] > LOSS.mean()


def test_equally_sure_frames_come_in_the_order_of_chance():
    assert aurc(LOSS, np.zeros(4))[0] == pytest.approx(LOSS.mean())
    tied = [
        aurc(LOSS[order], np.array([3.0, 2.0, 2.0, 1.0])[order])[0] for order in ([0, 1, 2, 3], [3, 2, 1, 0])
    ]
    assert tied[0] == pytest.approx(tied[1])


def test_a_weight_of_two_is_a_frame_twice():
    sure = np.array([4.0, 1.0, 3.0, 2.0])
    got = aurc(LOSS, sure, np.array([[1.0, 2.0, 0.0, 1.0]]))[0]
    # Copies are one step of the curve with the risk at its end.
    risk = np.cumsum(LOSS[[0, 3, 1, 1]]) / [1, 2, 3, 4]
    assert got == pytest.approx((risk[0] + risk[1] + 2 * risk[3]) / 4)


def records(ious, sures):
    """A frame each, whose drivable area has such an IoU, and a confidence."""
    return [
        FrameRecord("a", seq, 0, "", (), {"drivable.a": Counts("iou", np.array([iou, 1.0]))}, {}, told(sure))
        for seq, (iou, sure) in enumerate(zip(ious, sures, strict=True))
    ]


def told(sure):
    return {"confidence": {} if sure is None else {"drivable": sure}, "max_probability": {"drivable": 0.5}}


def test_a_confidence_that_drops_with_the_iou_gains_all_there_is():
    good, bad = records([0.9, 0.8, 0.7], [0.9, 0.8, 0.7]), records([0.1, 0.6, 0.2], [0.1, 0.6, None])
    found = selective(good, {Condition("fog", 3): bad}, times=20)["drivable"]
    assert found["gained"]["max_probability"]["value"] == pytest.approx(0, abs=1e-5)
    assert found["aurc"]["confidence"]["value"] < found["aurc"]["constant"]["value"]
    assert 0.9 < found["gained"]["confidence"]["value"] < 1
    assert found["withheld"]["corrupted"] == 1


def test_without_the_stage_nothing_is_told():
    bare = [FrameRecord("a", 0, 0, "", (), {"drivable.a": Counts("iou", np.array([1.0, 1.0]))})]
    assert selective(bare, {Condition("fog", 3): bare}) == {}


def test_a_task_without_clean_truth_is_judged_by_the_others():
    nothing = [FrameRecord("a", seq, 0, "", (), {}, {}, told(0.9)) for seq in range(3)]
    worse = records([0.9, 0.8, 0.7], [0.9, 0.8, 0.7])
    found = selective(nothing, {Condition("fog", 3): worse}, times=2)["drivable"]
    assert (found["frames"], found["withheld"]["clean"]) == (3, None)


@pytest.mark.parametrize("count", [1, 4, 19, 20, 21, 150])
def test_a_threshold_lets_through_as_many_clean_frames_as_it_says(count):
    sure = np.random.default_rng(count).permutation(count) / count
    threshold = letting_through(sure)
    assert (sure >= threshold).mean() >= COVERED
    assert (sure > threshold).mean() <= COVERED

"""Single frames: how well each was seen, and which are worth a look."""

from dataclasses import replace

import numpy as np
import pytest

from perception.evaluation.scores import FEW, frame_scores, worst
from perception.tasks.evidence import Counts
from tests.evaluation.frames import drive, record

SECOND = 1_000_000_000


def test_each_task_has_a_score_from_its_counts():
    scores = frame_scores(record(found=5, shared=600))
    assert scores["drivable"].value == pytest.approx(0.6)
    assert scores["lanes"].value == pytest.approx(0.5)
    assert scores["detection"].value == pytest.approx(2 * 5 / (10 + 6))


def test_a_task_without_truth_and_answers_has_no_score():
    nothing = replace(record(), evidence={"lanes.drawn": Counts("hits", np.zeros(4))})
    assert frame_scores(nothing) == {}


def test_one_false_answer_is_a_smaller_loss_than_many():
    one, many = (
        replace(record(), evidence={"lanes.drawn": Counts("hits", np.array([0, n, 0, 0.0]))}) for n in (1, 50)
    )
    assert frame_scores(one)["lanes"].value == frame_scores(many)["lanes"].value == 0
    assert frame_scores(one)["lanes"].loss == pytest.approx(1 / (1 + FEW))
    assert frame_scores(many)["lanes"].loss > 0.9


def test_the_worst_frames_of_each_task_come_first_and_once():
    records = drive(frames=4)
    losses = [{"lanes": 0.1, "signs": 0.9}, {"lanes": 0.5, "signs": 0.8}, {"lanes": 0.4}, {"lanes": 0.0}]
    assert worst(records, losses, 2) == {"lanes": [1, 2], "signs": [0]}
    assert worst(records[:2], [{"signs": 0.9, "lanes": 0.9}] * 2, 2) == {
        "lanes": [0],
        "signs": [1],
    }  # in turns


def test_frames_of_one_second_are_shown_once():
    records = [record(seq=k, stamp_ns=k * SECOND // 2 + 1) for k in range(4)]
    losses = [{"lanes": 1 - k / 10} for k in range(4)]
    assert worst(records, losses, 4) == {"lanes": [0, 2]}
    elsewhere = [replace(r, drive=str(r.seq)) for r in records]
    assert worst(elsewhere, losses, 4) == {"lanes": [0, 1, 2, 3]}

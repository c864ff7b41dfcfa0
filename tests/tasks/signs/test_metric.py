"""Signs read, by hand."""

import numpy as np
import pytest

from perception.tasks.signs.metric import OpenSet, SignClasses, SignsRead
from perception.types import Scene, Signs

LEFT, RIGHT = (0, 0, 10, 10), (50, 0, 60, 10)


def scene(*signs):
    """(box, class, score) each."""
    xyxy = np.array([box for box, _, _ in signs], np.float32).reshape(-1, 4)
    rows = np.array([(c, s) for _, c, s in signs], np.float32).reshape(-1, 2)
    return Scene(0, 0, (100, 100), signs=Signs(xyxy, rows[:, 0].astype(np.int32), rows[:, 1]))


def read(truth, seen):
    metric = SignsRead()
    metric.update(truth, seen)
    return tuple(metric.result()[f"read_{name}"] for name in ("precision", "recall", "f1"))


def test_a_sign_read_wrong_is_false_and_missed():
    truth = scene((LEFT, 14, 1), (RIGHT, 2, 1))
    assert read(truth, scene((LEFT, 14, 0.9), (RIGHT, 3, 0.9))) == (0.5, 0.5, 0.5)


def test_a_sign_found_and_not_read_is_only_missed():
    assert read(scene((LEFT, 14, 1), (RIGHT, 2, 1)), scene((LEFT, 14, 0.9))) == pytest.approx((1, 0.5, 2 / 3))


def test_the_right_class_in_the_wrong_place_is_false():
    assert read(scene((LEFT, 14, 1)), scene((RIGHT, 14, 0.9))) == (0, 0, 0)


def test_where_the_class_is_unknown_any_reading_is_excused():
    assert read(scene((LEFT, 14, 1), (RIGHT, 0, 0)), scene((LEFT, 14, 0.9), (RIGHT, 7, 0.9))) == (1, 1, 1)


def test_macro_recall_counts_classes_and_top1_counts_signs():
    metric = SignClasses(43)
    for true, seen in ((1, 1), (1, 1), (1, 1), (2, 5)):
        metric.update(scene((LEFT, true, 1)), scene((LEFT, seen, 0.9)))
    assert metric.result() == {"top1": 0.75, "macro_recall": 0.5}


def test_no_answer_is_wrong():
    metric = SignClasses(43)
    metric.update(scene((LEFT, 1, 1)), scene())
    assert metric.result() == {"top1": 0, "macro_recall": 0}


def open_set(*rows, threshold=0.5):
    """(true class or None, class read, score) each."""
    metric = OpenSet(threshold)
    for true, read_as, score in rows:
        metric.update(scene((LEFT, true or 0, true is not None)), scene((LEFT, read_as, score)))
    return metric.result()


def test_what_is_no_known_sign_is_read_from_the_threshold_on():
    found = open_set((None, 3, 0.5), (None, 3, 0.49), (None, 3, 0.1), (None, 3, 0.2), (7, 7, 0.9))
    assert found["false_reads"] == 0.25


def test_known_signs_are_to_be_sure_and_right():
    found = open_set((7, 7, 0.9), (7, 8, 0.9), (7, 7, 0.4), (0, 0, 0.6), (None, 1, 0.3))
    assert found["known_read"] == 0.5


def test_the_area_is_the_chance_that_a_known_sign_scores_higher():
    known, others = (0.2, 0.7, 0.999, 0.9999), (0.1, 0.2, 0.8)
    found = open_set(*((7, 7, s) for s in known), *((None, 7, s) for s in others))
    wins = np.mean([(a > b) + (a == b) / 2 for a in known for b in others])
    assert found["auroc"] == pytest.approx(wins)


def test_without_others_there_is_nothing_to_tell_apart():
    assert open_set((7, 7, 0.9)) == {"known_read": 1.0}


def test_what_is_no_known_sign_gets_no_class():
    metric = OpenSet(0.0)
    metric.update(scene((LEFT, 0, 0)), scene())
    assert metric.result() == {"false_reads": 0.0}

"""From the classes of the labels to those of the network."""

from __future__ import annotations

import numpy as np

from perception.labels.vocabulary import Vocabulary
from perception.tasks import detection
from perception.tasks.batch import ANY_SIGN
from perception.training.data.chosen import OURS, Chosen
from perception.training.data.sample import Boxes

MINE = Vocabulary(objects=("forklift", "traffic_sign", "person"), signs=("halt", "stop"))
BOX = np.array([1, 2, 3, 4], np.float32)


def test_boxes_of_other_classes_are_left_out():
    rows = [(BOX, name, True, ANY_SIGN) for name in ("vehicle", "forklift", "person")]
    found = Chosen(MINE).boxes(Boxes.of(rows, MINE.object_ids))
    assert [MINE.objects[k] for k in found.label] == ["forklift", "person"]


def test_what_a_sign_says_is_told_in_the_networks_classes():
    stop = MINE.sign_ids.index("stop")
    rows = [(BOX, "traffic_sign", True, sign) for sign in (stop, 0, ANY_SIGN)]
    chosen = Chosen(MINE)
    assert chosen.boxes(Boxes.of(rows, MINE.object_ids)).sign.tolist() == [1, ANY_SIGN, ANY_SIGN]
    assert [sign for *_, sign in chosen.known([(BOX, BOX, stop), (BOX, BOX, 0)])] == [stop]


def test_of_a_class_that_labels_do_not_know_nothing_is_absent():
    known = np.array([1, 1, 0, 0, 0, 1], np.float32)  # by our classes alone
    assert Chosen(MINE).negative_weight(known).tolist() == [0, 1, 1]
    assert Chosen(MINE).negative_weight(None).tolist() == [0, 0, 0]


def test_ours_stay_as_they_are():
    rows = [(BOX, name, True, 14) for name in detection.CLASSES]
    boxes = Boxes.of(rows)
    assert OURS.boxes(boxes).label.tolist() == boxes.label.tolist()
    assert OURS.boxes(boxes).sign.tolist() == [14] * 6

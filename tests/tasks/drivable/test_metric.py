"""Intersection over union of the drivable area, by hand."""

import numpy as np
import pytest

from perception.tasks.drivable.metric import DrivableArea
from perception.types import ClassMap, Scene


def scene(labels):
    labels = np.array(labels, np.uint8)
    return Scene(0, 0, labels.shape[::-1], drivable=ClassMap(labels, labels.shape[::-1]))


def iou(*pairs):
    metric = DrivableArea()
    for truth, seen in pairs:
        metric.update(scene(truth), scene(seen))
    return metric.result()["iou"]


def test_shared_over_either():
    assert iou(([[1, 1, 1, 0]], [[0, 1, 1, 1]])) == 2 / 4


def test_void_is_not_judged():
    assert iou(([[1, 255, 255, 0]], [[1, 1, 0, 0]])) == 1


def test_images_are_pooled_not_averaged():
    assert iou(([[1, 1, 1]], [[1, 1, 1]]), ([[1, 0, 0]], [[0, 0, 0]])) == 3 / 4


def test_a_coarse_map_is_judged_at_the_size_of_the_truth():
    truth = np.repeat([[0] * 6 + [1] * 6], 4, axis=0)
    assert iou((truth, [[0, 1]])) == 1


def test_precision_and_recall_are_shares_of_what_is_found_and_of_what_is_there():
    metric = DrivableArea()
    metric.update(scene([[1, 1, 1, 0, 0, 255]]), scene([[0, 1, 1, 1, 1, 1]]))
    found = metric.result()
    assert (found["precision"], found["recall"]) == (2 / 4, 2 / 3)


def test_nothing_drivable_and_nothing_found_is_right():
    assert iou(([[0, 0]], [[0, 0]])) == 1
    assert iou(([[0, 0]], [[0, 1]])) == pytest.approx(0)

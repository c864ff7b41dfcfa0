"""How thresholds are chosen."""

import math

import numpy as np
import pytest

from perception.errors import DataError
from perception.types import Detections, Scene
from tools.thresholds import ENOUGH, BestScore

SIZE = (640, 384)


def seen(number: int, score: float, class_id: int, right: bool = True) -> tuple[Scene, Scene]:
    """A picture with one object of a class, and one box that was found there, at the object or elsewhere."""
    box, kind = np.array([[10, 10, 60, 60]], np.float32), np.array([class_id], np.int32)
    found = Detections(box if right else box + 300, np.array([score], np.float32), kind)
    return Scene(number, 0, SIZE, Detections(box, np.ones(1, np.float32), kind)), Scene(
        number, 0, SIZE, found
    )


def test_a_class_with_few_objects_takes_the_median_of_the_others():
    metric = BestScore(("car", "tram", "bus"))
    for k in range(ENOUGH):  # cars: right ones at 0.55, wrong ones at 0.45, and between them the best
        metric.update(*seen(k, 0.55, 0))
        metric.update(*seen(ENOUGH + k, 0.45, 0, right=False))
        metric.update(*seen(2 * ENOUGH + k, 0.41, 1))
    metric.update(*seen(3 * ENOUGH, 0.9, 2))
    chosen = metric.chosen()
    assert 0.45 <= chosen["car"][0] <= 0.55
    assert chosen["tram"][0] <= 0.41
    assert chosen["tram"][1] == 1.0
    assert chosen["bus"][0] == pytest.approx((chosen["car"][0] + chosen["tram"][0]) / 2, abs=0.01)
    assert math.isnan(chosen["bus"][1])
    assert chosen["bus"][2] == 1


def test_too_few_objects_of_every_class_are_refused():
    metric = BestScore(("car",))
    metric.update(*seen(0, 0.5, 0))
    with pytest.raises(DataError, match="30 objects or more"):
        metric.chosen()

"""Events are matched with what happened by time and object; what may be told counts neither way."""

import numpy as np
import pytest

from perception.evaluation.tracking.happened import Happened
from perception.labels.moving import Happening
from perception.tasks.evidence import metrics
from perception.types import Event

STEP = 100_000_000


def judged(told, happened, frames=60, track=1, name="lead"):
    """`told`, `happened`: frame -> since (frame) or None; frame -> "sure", "maybe" or None."""
    own = Happened()
    for k in range(frames):
        state, since = happened(k), told(k)
        truth = [] if state is None else [Happening(name, state == "sure", 70, 2.0, 3.0 - k / 10)]
        events = [] if since is None else [Event(name, 0.9, since * STEP, track, 2.2)]
        own.add(k * STEP, truth, events, {1: 70, 2: 80})
    return metrics(dict(own.evidence()))


def sure(k):
    return "sure" if 20 <= k < 40 else "maybe" if 15 <= k < 45 else None


def between(first, last):
    return lambda k: first if first <= k < last else None


def test_what_is_told_in_time_is_right_and_its_delay_is_known():
    found = judged(between(23, 41), sure)
    assert (found["lead.precision"], found["lead.recall"]) == (1, 1)
    assert found["lead.delay_s"] == pytest.approx(0.3)
    assert found["lead.warning_s"] == pytest.approx(0.7)


def test_what_is_not_told_is_missed():
    found = judged(lambda k: None, sure)
    assert found["lead.recall"] == 0


@pytest.mark.parametrize("told", [between(2, 8), between(2, 30), between(52, 58)])
def test_what_is_told_when_it_cannot_be_is_false(told):
    assert judged(told, sure)["lead.precision"] == 0


def test_what_is_told_of_another_object_is_false():
    found = judged(between(22, 40), sure, track=2)
    assert (found["lead.precision"], found["lead.recall"]) == (0, 0)


def test_what_may_be_told_counts_neither_way():
    def maybe(k):
        return sure(k) or ("maybe" if 50 <= k < 58 else None)

    def twice(k):
        return between(22, 40)(k) or between(51, 57)(k)

    assert judged(twice, maybe)["lead.precision"] == 1
    assert judged(between(22, 40), maybe)["lead.recall"] == 1


@pytest.mark.parametrize(("told", "precision"), [(50.0, 1), (30.0, 0)])
def test_the_limit_must_be_the_right_one(told, precision):
    own, fifty = Happened(), [Happening("speed_limit", True, -1, 50.0, np.inf)]
    for k in range(20):
        own.add(k * STEP, fifty, [Event("speed_limit", 1, 0, None, told)], {})
    assert metrics(dict(own.evidence()))["speed_limit.precision"] == precision


def test_the_time_to_collision_as_told_is_compared():
    assert judged(between(20, 40), sure, name="collision")["collision.median_rel"] == pytest.approx(0.1)

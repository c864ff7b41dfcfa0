"""A pipeline of four tasks that leaves some out; real networks, cut to what is asked for."""

from __future__ import annotations

from contextlib import closing, contextmanager

import numpy as np
import pytest

from perception import load
from perception.errors import PerceptionError
from perception.health import Health
from perception.shedding import Shedding, order
from perception.types import Frame

IMAGE = np.full((90, 160, 3), 128, np.uint8)
MS = 1_000_000


@pytest.fixture
def pipeline(tiny_bundle):
    with closing(load(tiny_bundle, "cpu", runtime="onnxruntime")) as it:
        yield it


def test_what_is_left_out_is_none_and_costs_nothing_of_the_network(pipeline):
    out = frozenset({"signs", "detection"})
    pipeline.prepare(out)
    scene = pipeline(Frame(IMAGE, 0, 0), out)
    assert (scene.detections, scene.signs) == (None, None)
    assert scene.lanes is not None
    assert scene.drivable is not None
    assert set(pipeline._lighter[out]._backend.at((640, 384))._outputs) == {
        *("lanes.map", "lanes.edges", "drivable.map"),
    }


def test_a_slow_machine_sheds_and_every_scene_says_so(pipeline):
    """Each look at the clock takes 15 ms, so that a frame takes 15 of the 10 there are."""
    now, health = [0], Health()
    for k in range(5):
        health.arrived(k * 10 * MS)

    def clock():
        now[0] += 15 * MS
        return now[0]

    shedding = Shedding(pipeline, health, clock_ns=clock)
    scenes = [shedding(Frame(IMAGE, k, k)) for k in range(20)]
    assert scenes[0].shed is None
    assert scenes[-1].shed == ("detection", "signs")
    for scene in scenes:
        assert ("signs" in (scene.shed or ())) == (scene.signs is None)
    assert "detection, signs" in health.report(0).reasons[0].text


def test_waiting_for_a_turn_is_time_of_the_frame(pipeline):
    """The pipeline itself takes no time; another camera has the threads for 15 of the 10 ms there are."""
    now, health = [0], Health()
    for k in range(5):
        health.arrived(k * 10 * MS)

    @contextmanager
    def turn():
        now[0] += 15 * MS
        yield

    shedding = Shedding(pipeline, health, clock_ns=lambda: now[0], turn=turn)
    assert [shedding(Frame(IMAGE, k, k)) for k in range(20)][-1].shed == ("detection", "signs")


def test_the_usual_order_keeps_one_task(pipeline, tiny_bundle):
    assert order(pipeline.tasks, None) == ("signs", "detection")
    assert order(pipeline.tasks, ["none"]) == ()
    with closing(load(tiny_bundle, "cpu", ["signs"], runtime="onnxruntime")) as two:
        assert order(two.tasks, None) == ("signs",)


@pytest.mark.parametrize("names", [["trams"], ["detection", "lanes", "drivable"]])
def test_what_cannot_be_shed_is_refused(pipeline, names):
    with pytest.raises(PerceptionError, match="shed"):
        Shedding(pipeline, Health(), names)

"""One frame against everything that can be known of it."""

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from perception.errors import DataError
from perception.evaluation.data.boxes import BoxLabels
from perception.evaluation.data.truth import CULANE, DRAWN, EDGES, ROAD, TUSIMPLE, Truth
from perception.evaluation.judge import judge
from perception.evaluation.judge import judged as judged_scene
from perception.evaluation.observe import Observer
from perception.evaluation.records import figures
from perception.load import load
from perception.tasks import lanes
from perception.tasks.lanes.decode import ROAD_EDGE
from perception.types import ClassMap, Frame, LaneLine, Scene

SIZE = (640, 480)
FRAME = Frame(np.zeros((480, 640, 3), np.uint8), 5, 3, "a.png")


def upright(x):
    road = np.stack([np.linspace(3, 30, 28), np.full(28, x / 100)], 1)
    return LaneLine(np.array([(x, 470.5), (x, 100.5)], np.float32), road, 1.0, 0)


def seen(**known):
    return replace(Scene(3, 5, SIZE, timing_ms={"network": 7.0}), **known)


def judged(truth, scene):
    return judge(FRAME, truth, Observer(lambda frame: scene), "drive")


def test_a_record_tells_where_it_comes_from():
    record = judged(Truth("town", tags=("weather:rainy",)), seen())
    assert (record.drive, record.seq, record.stamp_ns, record.source) == ("drive", 3, 5, "a.png")
    assert record.tags == ("weather:rainy",)
    assert record.timing_ms == {"network": 7.0}
    assert record.evidence == {}


def test_every_rule_of_lines_has_its_names():
    rules = (DRAWN, ROAD, TUSIMPLE, CULANE)
    truth = Truth("town", lines=(upright(300),), rules=rules, rows=tuple(range(110, 460, 10)))
    got = figures([judged(truth, seen(lanes=(upright(300),)))])
    expected = {"f1", "median_m", "recall_m", "accuracy", "fp", "fn", "culane_f1"}
    assert {name.removeprefix("lanes.town.") for name in got} >= expected
    assert (got["lanes.town.accuracy"], got["lanes.town.culane_f1"], got["lanes.town.median_m"]) == (1, 1, 0)


KERB = replace(upright(500), kind=ROAD_EDGE)


def test_road_edges_are_judged_apart_and_by_no_rule_of_lines():
    rules = (DRAWN, ROAD, TUSIMPLE, CULANE, EDGES)
    truth = Truth("town", lines=(upright(300), KERB), rules=rules, rows=tuple(range(110, 460, 10)))
    got = figures([judged(truth, seen(lanes=(upright(300),)))])
    assert (got["lanes.town.f1"], got["lanes.town.recall_m"], got["lanes.town.culane_f1"]) == (1, 1, 1)
    assert (got["lanes.town.fn"], got["edges.town.recall"]) == (0, 0)
    assert figures([judged(truth, seen(lanes=(KERB, KERB)))])["edges.town.f1"] == 1


def test_who_knows_no_road_edges_is_not_judged_by_them(tiny_bundle):
    truth, found = Truth("town", lines=(KERB,), rules=(EDGES,)), seen(lanes=())
    with closing(load(tiny_bundle, tasks=["lanes"])) as pipeline:
        for classes, judged_by in ((lanes.CLASSES, {"edges.town"}), (lanes.CLASSES[:3], set())):
            pipeline.tasks[0].classes = classes
            record = judged_scene(FRAME, truth, found, found, Observer(pipeline))
            assert set(record.evidence) == judged_by


def test_the_figures_of_synthetic_truth_begin_with_its_name():
    truth = Truth("synthetic", lines=(), drivable=ClassMap(np.ones((4, 4), np.uint8), SIZE))
    got = figures([judged(truth, seen(lanes=(), drivable=ClassMap(np.ones((4, 4), np.uint8), SIZE)))])
    assert {"synthetic.drivable.iou", "synthetic.lanes.f1"} <= got.keys()


def test_parts_may_belong_to_other_sets():
    truth = Truth("town", lines=(), sets={"lanes": "drawn"})
    assert "lanes.drawn" in judged(truth, seen(lanes=())).evidence


def test_a_task_that_did_not_run_says_nothing():
    truth = Truth(
        "town", BoxLabels("town", frozenset(), (), SIZE), lines=(), paint=np.zeros((9, 9), np.uint8)
    )
    assert judged(truth, seen()).evidence == {}


def test_labels_of_another_size_are_named():
    with pytest.raises(DataError, match=r"a\.png: expected a picture of \(64, 48\), got \(640, 480\)"):
        judged(Truth("town", BoxLabels("town", frozenset(), (), (64, 48))), seen())

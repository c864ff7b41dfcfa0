"""One frame against everything that can be known of it."""

from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from perception.errors import DataError
from perception.evaluation.judge import judge
from perception.evaluation.judge import judged as judged_scene
from perception.evaluation.observe import Observer
from perception.evaluation.records import gather, metrics
from perception.labels.boxes import BoxLabels
from perception.labels.truth import CULANE, DRAWN, EDGES, PARTLY, ROAD, TUSIMPLE, Truth
from perception.load import load
from perception.tasks import lanes
from perception.tasks.evidence import Ranked
from perception.tasks.lanes.decode import ROAD_EDGE
from perception.types import ClassMap, Detections, Frame, LaneLine, Scene

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
    got = metrics([judged(truth, seen(lanes=(upright(300),)))])
    expected = {"f1", "median_m", "recall_m", "accuracy", "fp", "fn", "culane_f1"}
    assert {name.removeprefix("lanes.town.") for name in got} >= expected
    assert (got["lanes.town.accuracy"], got["lanes.town.culane_f1"], got["lanes.town.median_m"]) == (1, 1, 0)


KERB = replace(upright(500), kind=ROAD_EDGE)


def test_road_edges_are_judged_apart_and_by_no_rule_of_lines():
    rules = (DRAWN, ROAD, TUSIMPLE, CULANE, EDGES)
    truth = Truth("town", lines=(upright(300), KERB), rules=rules, rows=tuple(range(110, 460, 10)))
    got = metrics([judged(truth, seen(lanes=(upright(300),)))])
    assert (got["lanes.town.f1"], got["lanes.town.recall_m"], got["lanes.town.culane_f1"]) == (1, 1, 1)
    assert (got["lanes.town.fn"], got["edges.town.recall"]) == (0, 0)
    assert metrics([judged(truth, seen(lanes=(KERB, KERB)))])["edges.town.f1"] == 1


def test_who_knows_no_road_edges_is_not_judged_by_them(tiny_bundle):
    truth, found = Truth("town", lines=(KERB,), rules=(EDGES,)), seen(lanes=())
    with closing(load(tiny_bundle, tasks=["lanes"])) as pipeline:
        for classes, judged_by in ((lanes.CLASSES, {"edges.town"}), (lanes.CLASSES[:3], set())):
            pipeline.tasks[0].classes = classes
            record = judged_scene(FRAME, truth, found, found, Observer(pipeline))
            assert set(record.evidence) == judged_by


def test_the_metrics_of_synthetic_truth_begin_with_its_name():
    truth = Truth("synthetic", lines=(), drivable=ClassMap(np.ones((4, 4), np.uint8), SIZE))
    got = metrics([judged(truth, seen(lanes=(), drivable=ClassMap(np.ones((4, 4), np.uint8), SIZE)))])
    assert {"synthetic.drivable.iou", "synthetic.lanes.f1"} <= got.keys()


def test_parts_may_belong_to_other_sets():
    truth = Truth("town", lines=(), sets={"lanes": "drawn"})
    assert "lanes.drawn" in judged(truth, seen(lanes=())).evidence


def test_a_frame_counts_in_its_set_and_in_its_condition():
    drivable = ClassMap(np.ones((4, 4), np.uint8), SIZE)
    boxes = BoxLabels("town", frozenset(("vehicle",)), (), SIZE)
    empty = Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32))
    truth = Truth("town", boxes, drivable=drivable, condition="night")
    keys = judged(truth, seen(drivable=drivable, detections=empty)).evidence.keys()
    assert {"drivable.town", "drivable.town.night", "drivable.town.night/pixels"} <= keys
    assert {"detection.town.vehicle/found", "detection.town.night.vehicle/found"} <= keys


def test_the_objects_of_all_sets_are_counted_once_whatever_the_condition():
    names = ("detection.town.vehicle", "detection.town.night.vehicle", "detection.city.vehicle")
    ranked = Ranked(1, np.empty(0, np.float32), np.empty((10, 0), bool), np.empty((10, 0), bool))
    gathered = gather([dict.fromkeys(names, ranked)])
    assert gathered.keys() == {*names, "detection.all.vehicle"}
    assert len(gathered["detection.all.vehicle"]) == 2


def test_lines_labelled_in_part_are_not_judged_right_of_the_right_hand_line():
    truth = Truth("clips", lines=(upright(300),), rules=(PARTLY,), sets={"lanes": "night"})
    got = metrics([judged(truth, seen(lanes=(upright(300), upright(500))))])
    assert got["lanes.night.f1"] == 1


def test_a_line_on_what_is_certain_to_be_no_paint_is_false():
    truth = Truth("brazil", paint=np.zeros((9, 12), np.uint8), trusted=True)
    got = metrics([judged(truth, seen(lanes=(upright(300),)))])
    assert (got["lanes.brazil.false_lines"], got["lanes.brazil.precision"]) == (1, 0)


def test_the_own_vehicle_and_blank_frames_have_metrics_of_each_kind_and_of_all():
    drivable = ClassMap(np.ones((4, 4), np.uint8), SIZE)
    got = metrics([judged(Truth("clips", own="reflect1"), seen(drivable=drivable))])
    assert got == {"ego.reflect1.drivable": 1, "ego.all.drivable": 1}
    got = metrics([judged(Truth("blank", blank="black"), seen(drivable=drivable, lanes=()))])
    assert got.keys() == {f"{x}.{what}" for x in ("blank", "blank.black") for what in ("drivable", "found")}


def test_a_task_that_did_not_run_says_nothing():
    truth = Truth(
        "town", BoxLabels("town", frozenset(), (), SIZE), lines=(), paint=np.zeros((9, 12), np.uint8)
    )
    assert judged(truth, seen()).evidence == {}


def test_labels_of_another_size_are_named():
    with pytest.raises(DataError, match=r"a\.png: expected a picture of 64 x 48 .* got 640 x 480"):
        judged(Truth("town", BoxLabels("town", frozenset(), (), (64, 48))), seen())

"""Scenes against stored scenes: what is the same, what may differ, what is named first."""

import json
from copy import deepcopy

import pytest

from perception.comparison import EXACT, Tolerance
from perception.errors import DataError, SourceError
from perception.evaluation.gate.regression import Finding, compare_scenes
from perception.evaluation.gate.tolerances import BACKENDS, EVERYWHERE, table_for

BOX = {"box": [100.0, 100.0, 200.0, 180.0], "class": "vehicle", "score": 0.9}
FAR = {"box": [400.0, 100.0, 440.0, 140.0], "class": "person", "score": 0.5}
LINE = {
    "points": [[300.0, 700.0], [600.0, 400.0]],
    "road": [[5.0, 1.5], [30.0, 1.5]],
    "score": 0.8,
    "kind": "solid",
}


def scene(seq=0, **changes):
    return {
        "v": 1,
        "seq": seq,
        "stamp_ns": 0,
        "source": "a.png",
        "size": [1280, 720],
        "detections": [deepcopy(BOX), deepcopy(FAR)],
        "signs": [],
        "lanes": [deepcopy(LINE)],
        "drivable": {"share": 0.3},
        "timing_ms": {"network": 9.0},
        **changes,
    }


def failed(was, now, table=EVERYWHERE):
    return {own.field: own for own in compare_scenes(was, now, table) if not own.passed}


def test_equal_scenes_pass_whatever_the_time_and_the_name_of_the_file():
    again = scene(timing_ms={"network": 1.0}, source="elsewhere/a.png", later=1)
    found = compare_scenes([scene()], [again], {})
    assert all(own.passed for own in found)
    assert {"frames", "detections.box", "lanes.points", "lanes.road", "drivable.share"} <= {
        f.field for f in found
    }


@pytest.mark.parametrize(
    ("field", "changes"),
    [
        ("detections.box", {"detections": [{**BOX, "box": [100.0, 100.0, 203.0, 180.0]}, FAR]}),
        ("detections.score", {"detections": [{**BOX, "score": 0.8}, FAR]}),
        ("detections.class", {"detections": [{**BOX, "class": "person"}, FAR]}),
        ("detections.missing", {"detections": [FAR]}),
        ("detections.new", {"detections": [BOX, FAR, {**FAR, "box": [0.0, 0.0, 9.0, 9.0]}]}),
        ("signs.new", {"signs": [{**FAR, "class_id": 14}]}),
        ("lanes.points", {"lanes": [{**LINE, "points": [[310.0, 700.0], [600.0, 400.0]]}]}),
        ("lanes.reach", {"lanes": [{**LINE, "points": [[300.0, 700.0], [580.0, 420.0]]}]}),
        ("lanes.road", {"lanes": [{**LINE, "road": [[5.0, 1.5], [30.0, 2.0]]}]}),
        ("lanes.score", {"lanes": [{**LINE, "score": 0.7}]}),
        ("lanes.kind", {"lanes": [{**LINE, "kind": "dashed"}]}),
        ("lanes.missing", {"lanes": []}),
        ("drivable.share", {"drivable": {"share": 0.31}}),
        ("size", {"size": [640, 360]}),
    ],
)
def test_each_field_is_judged_by_itself(field, changes):
    assert set(failed([scene()], [scene(**changes)])) == {field}


def placed(**changes):
    row = {**BOX, "track": 1, "road": [20.0, 0.0], "sigma_m": 0.1, "velocity": [10.0, 0.0], "age_ms": 0.0}
    return scene(detections=[{**row, **changes}])


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"track": 77, "road": [20.5, 0.1], "velocity": [10.3, 0.1]}, set()),
        ({"road": [21.5, 0.0]}, {"detections.road"}),
        ({"road": [20.0, 1.5]}, {"detections.road"}),
        ({"velocity": [9.0, 0.0]}, {"detections.velocity"}),
        ({"velocity": [None, None]}, {"detections.velocity"}),
    ],
)
def test_metres_and_speeds_are_judged_and_numbers_of_tracks_are_not(changes, fields):
    assert set(failed([placed()], [placed(**changes)])) == fields


def test_metres_are_judged_where_both_sides_know_of_them():
    unknown = placed(road=[None, None], velocity=[None, None])
    assert not failed([unknown], [unknown])
    assert not failed([scene(detections=[BOX])], [placed()])
    assert set(failed([placed()], [unknown])) == {"detections.road", "detections.velocity"}


def test_a_missing_object_does_not_shift_the_others():
    three = [{**BOX, "box": [x, 0.0, x + 50, 50.0]} for x in (0.0, 300.0, 600.0)]
    bad = failed([scene(detections=three)], [scene(detections=three[1:])])
    assert set(bad) == {"detections.missing"}
    assert bad["detections.missing"].first == (0, "vehicle of score 0.9", "nothing")


def test_what_lies_elsewhere_is_another_object_and_another_line():
    moved = {**BOX, "box": [300.0, 100.0, 400.0, 180.0]}
    beside = {**LINE, "points": [[400.0, 700.0], [700.0, 400.0]]}
    bad = failed([scene()], [scene(detections=[moved, FAR], lanes=[beside])])
    assert set(bad) == {"detections.missing", "detections.new", "lanes.missing", "lanes.new"}


def test_a_road_edge_is_not_the_line_beside_it():
    edge = {**LINE, "kind": "road_edge"}
    assert set(failed([scene()], [scene(lanes=[edge])])) == {"lanes.missing", "lanes.new"}
    assert failed([scene(lanes=[edge, LINE])], [scene(lanes=[LINE, edge])]) == {}


def test_frames_and_tasks_that_are_not_there_are_named():
    bad = failed([scene(0), scene(1), scene(3)], [scene(0), scene(2), scene(3)])
    assert (bad["frames"].beyond, bad["frames"].count) == (2, 4)
    without = {key: value for key, value in scene().items() if key != "lanes"}
    assert "'lanes'" in failed([scene()], [without])["tasks"].first[1]


def test_a_share_of_the_elements_may_lie_beyond_the_limit():
    moved = [{**BOX, "box": [100.0, 100.0, 210.0, 180.0]}, FAR]
    was, now = [scene(k) for k in range(50)], [scene(k) for k in range(49)] + [scene(49, detections=moved)]
    assert not failed(was, now)  # 1 of 100
    assert set(failed(was, now, {**EVERYWHERE, "detections.box": Tolerance(1.0, 0.009)})) == {
        "detections.box"
    }


def test_what_differs_first_is_told_first():
    was = [scene(k) for k in range(3)]
    now = [scene(0), scene(1, lanes=[]), scene(2, lanes=[], drivable={"share": 0.9})]
    found = compare_scenes(was, now, EVERYWHERE)
    assert [own.field for own in found[:2]] == ["lanes.missing", "drivable.share"]
    assert "first in frame 1: was solid of score 0.8, is nothing" in str(found[0])
    assert "at most by 0.6" in str(found[1])


def test_a_line_that_is_short_or_has_points_above_the_horizon_is_compared():
    dot = {**LINE, "points": [[300.0, 700.0]], "road": [[None, None]]}
    assert not failed([scene(lanes=[dot])], [scene(lanes=[dot])])


def test_a_damaged_record_is_an_error_that_says_where():
    with pytest.raises(SourceError, match="frame 7: expected the fields of"):
        compare_scenes([scene(7)], [scene(7, detections=[{"box": [1, 2, 3, 4]}])], EVERYWHERE)


def test_tolerances_depend_on_the_backend_and_can_be_changed(tmp_path):
    own = tmp_path / "own.json"
    own.write_text(json.dumps({"lanes.points": [9, 0.5]}))
    assert table_for("cpu.int8", "cpu.int8") == EVERYWHERE
    assert table_for("cpu.fp32", "cpu.fp32")["detections.box"] == BACKENDS["cpu.fp32"]["detections.box"]
    assert table_for("cpu.int8", "cuda.trt.int8")["detections.box"] == BACKENDS["other"]["detections.box"]
    assert table_for("cpu.int8", "cpu.int8", own)["lanes.points"] == Tolerance(9, 0.5)


@pytest.mark.parametrize("text", ["{", '{"lanes.points": 1}', '{"odd": [1, 0]}', "[]"])
def test_bad_tolerances_are_named(tmp_path, text):
    path = tmp_path / "own.json"
    path.write_text(text)
    with pytest.raises(DataError, match=r"own\.json: expected"):
        table_for("cpu.int8", "cpu.int8", path)


def test_only_fields_of_the_table_may_differ():
    assert Finding("frames", EXACT, 10, 1).passed is False
    assert Finding("frames", EXACT, 10, 0).passed

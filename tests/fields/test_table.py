"""The table of the fields against Scene, and every field through JSON and messages."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import fields, replace

import numpy as np
import pytest

from perception import messages
from perception.fields import FIELDS, RESULTS, classes_of, field_of, present
from perception.messages import wire
from perception.sinks import scene_from_json, scene_to_json
from perception.tasks import ADDED, TASKS
from perception.types import ClassMap, Event, LabelMap, Mount, Scene
from tests.sinks import fakes
from tests.sinks.fakes import added, empty, frame, full

HEAD = {"seq", "stamp_ns", "size", "timing_ms"}  # of a scene: told once for all its fields
FAKES = (*fakes.TASKS, *fakes.ADDED)
CLASSES = classes_of(FAKES)


def everything(of):
    """As `full`, and what stages add, with unknown values where there may be some."""
    scene = full(of)
    unknown = np.full((1, 2), np.nan, np.float32)
    detections = replace(
        scene.detections,
        track=np.array([7], np.int64),
        road=np.array([[12.34, -1.5]], np.float32),
        sigma_m=np.array([0.25], np.float32),
        velocity=unknown,
        age_ms=np.array([40.0], np.float32),
    )
    road = np.array([[5.0, 1.0], [9.0, 1.0]], np.float32)
    line = replace(scene.lanes[0], road=road, id=3, role="ego_left", predicted=True)
    return replace(
        scene,
        detections=detections,
        signs=replace(scene.signs, track=np.array([2**40], np.int64)),
        lanes=(*scene.lanes, line),
        blank=True,
        mount=Mount("converging", 0.0125, None, 0.0, 1.4, {"pitch": 0.001}),
        road_pitch=-0.0123,
        age_ms=41.5,
        shed=("signs",),
        events=(Event("braking", 0.5, 40, track=7, value=1.5), Event("departure", 1.0, 0)),
        confidence={"lanes": 0.512, "drivable": 0.0},
        **added(of),
    )


def assert_same(got, wanted):
    """Two values of a field, to the rounding of JSON."""
    if isinstance(wanted, np.ndarray):
        assert got.dtype == wanted.dtype
        np.testing.assert_allclose(got, wanted, atol=0.05)
    elif isinstance(wanted, dict):
        assert got.keys() == wanted.keys()
        for name, one in wanted.items():
            assert_same(got[name], one)
    elif isinstance(wanted, tuple):
        assert len(got) == len(wanted)
        for one, other in zip(got, wanted, strict=True):
            assert_same(one, other)
    elif dataclasses.is_dataclass(wanted):
        for part in fields(wanted):
            assert_same(getattr(got, part.name), getattr(wanted, part.name))
    else:
        assert got == (pytest.approx(wanted, abs=1e-3) if isinstance(wanted, float) else wanted)


def name_of_map(value):
    """The first of the maps of added tasks; "": it holds none."""
    found = value if isinstance(value, dict) else {}
    return next((name for name, own in found.items() if isinstance(own, LabelMap)), "")


def test_the_table_has_every_field_of_a_scene_in_its_order():
    assert [field.name for field in FIELDS] == [f.name for f in fields(Scene) if f.name not in HEAD]


def test_every_task_fills_one_field():
    assert sorted(field.task for field in FIELDS if field.task) == sorted([*TASKS, *ADDED])


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_a_scene_is_read_back_from_json(field):
    of = frame(7)
    record = json.loads(json.dumps(scene_to_json(everything(of), of, FAKES), allow_nan=False))
    wanted = getattr(everything(of), field.name)
    got = getattr(scene_from_json(record, FAKES), field.name)
    if isinstance(wanted, ClassMap) or name_of_map(wanted):
        assert got is None, "only its share is in JSON"
    else:
        assert_same(got, wanted)


def test_keys_of_stages_are_only_where_a_stage_ran():
    of = frame()
    record = scene_to_json(full(of), of, FAKES)
    assert not {"blank", "mount", "road_pitch", "events", "age_ms", "shed"} & record.keys()
    assert record["detections"][0].keys() == {"box", "class", "score"}
    assert record["signs"][0].keys() == {"box", "class_id", "class", "score"}
    assert record["lanes"][0].keys() == {"points", "road", "score", "kind"}


def test_what_is_unknown_is_null_in_json():
    of = frame()
    (row,) = scene_to_json(everything(of), of, FAKES)["detections"]
    assert (row["track"], row["road"], row["velocity"]) == (7, [12.34, -1.5], [None, None])


@pytest.mark.parametrize("name", RESULTS)
def test_a_scene_is_read_back_from_messages(name):
    (field,) = (field for field in FIELDS if field.name == name)
    of = frame()
    value, classes = getattr(replace(full(of), **added(of)), name), CLASSES[field.task]
    record = field.to_message(value, classes, messages.header(1, "camera"))
    kind = wire.store().deserialize_cdr(wire.encode(field.message, record), field.message)
    got = field.from_message(kind, classes, of.size)
    if isinstance(got, ClassMap):
        assert got.labels.mean() == value.labels.mean()
    elif name_of_map(value):
        assert [x.labels[[0, -1], [0, -1]].tolist() for x in got.values()] == [[0, 255]] * 2
    else:
        assert_same(got, value)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_a_field_is_the_same_as_itself(field):
    of = frame()
    record = json.loads(json.dumps(scene_to_json(everything(of), of, FAKES)))
    found = list(field.compare(record[field.name], record[field.name], of.size))
    assert not [element for element in found if element.difference]
    assert set(field.tolerances.get("", {})) <= {element.field for element in found}


def test_what_is_not_there_is_not_present():
    assert [field.name for field, _ in present(empty(frame()))] == ["blank"]


def test_a_task_has_its_field_and_an_added_one_that_of_its_kind():
    names = [field_of(task).name for task in FAKES]
    assert names[:4] == ["detections", "lanes", "signs", "drivable"]
    assert set(names[4:]) == {"image_classes", "object_classes", "class_maps"}


def test_messages_of_added_tasks_tell_what_ran_and_no_more():
    said = added(frame())
    for field in (f for f in FIELDS if f.name in ("image_classes", "class_maps")):
        last = dict([list(said[field.name].items())[-1]])  # the others were left out of this frame
        record = field.to_message(last, CLASSES[field.task], messages.header(0, "camera"))
        there = wire.store().deserialize_cdr(wire.encode(field.message, record), field.message)
        assert field.from_message(there, CLASSES[field.task], frame().size).keys() == last.keys()

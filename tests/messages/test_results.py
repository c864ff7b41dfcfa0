"""What is written into messages comes out of them, bit for bit; what cannot be meant is refused."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perception import messages
from perception.errors import DataError
from perception.node.bus import message
from perception.types import ClassMap, Detections, LaneLine, Signs

CLASSES = ("vehicle", "person", "sign")
HEADER = messages.header(1_700_000_000_123_456_789, "camera_optical")
ARRAY = "vision_msgs/msg/Detection2DArray"
FOUND = Detections(
    np.array([[1.1, 2.3, 10.7, 20.9], [0, 0, 1279.5, 719.25]], np.float32),
    np.array([0.91, 0.3], np.float32),
    np.array([2, 0], np.int32),
)


def assert_equal(got, wanted):
    for name in ("xyxy", "score", "class_id"):
        np.testing.assert_array_equal(getattr(got, name), getattr(wanted, name))
        assert getattr(got, name).dtype == getattr(wanted, name).dtype


def test_detections_go_through_unchanged(through):
    got = through(ARRAY, messages.detections(FOUND, CLASSES, HEADER))
    assert messages.stamp_ns(got.header) == 1_700_000_000_123_456_789
    assert got.detections[0].header.frame_id == "camera_optical"
    assert got.detections[0].results[0].hypothesis.class_id == "sign"
    assert_equal(messages.detections_from(got, CLASSES), FOUND)


def test_signs_go_through_unchanged(through):
    signs = Signs(FOUND.xyxy, FOUND.class_id, FOUND.score)
    got = through(ARRAY, messages.signs(signs, CLASSES, HEADER))
    assert_equal(messages.signs_from(got, CLASSES), signs)


def test_tracks_are_the_ids_of_boxes(through):
    for track, names in (([2**40, 0], [str(2**40), "0"]), ([-1, 3], ["", "3"])):
        tracked = replace(FOUND, track=np.array(track, np.int64))
        got = through(ARRAY, messages.detections(tracked, CLASSES, HEADER))
        assert [box.id for box in got.detections] == names
        assert messages.detections_from(got, CLASSES).track.tolist() == track


@pytest.mark.parametrize("name", ["", "car_12", "-1", "²", "9" * 30])
def test_a_name_that_is_no_number_is_no_track(name):
    got = message(ARRAY, messages.detections(FOUND[:1], CLASSES, HEADER))
    got.detections[0].id = name
    assert messages.detections_from(got, CLASSES).track is None


def test_an_empty_scene_goes_through(through):
    empty = Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32))
    assert_equal(
        messages.detections_from(through(ARRAY, messages.detections(empty, CLASSES, HEADER)), CLASSES), empty
    )


COORDINATE = st.floats(2**-10, 8192, width=32)


@settings(max_examples=50, deadline=None)
@given(st.tuples(COORDINATE, COORDINATE), st.tuples(COORDINATE, COORDINATE))
def test_centre_and_size_lose_nothing_of_a_box(a, b):
    box = np.array([[min(a[0], b[0]), min(a[1], b[1]), max(a[0], b[0]), max(a[1], b[1])]], np.float32)
    found = Detections(box, np.array([0.5], np.float32), np.array([1], np.int32))
    got = messages.detections_from(message(ARRAY, messages.detections(found, CLASSES, HEADER)), CLASSES)
    np.testing.assert_array_equal(got.xyxy, box)


@pytest.mark.parametrize("road", [None, np.array([[5.5, 0.25], [np.nan, np.nan]], np.float32)])
def test_lanes_go_through_unchanged(through, road):
    points = np.array([[640.1, 700.2], [650.3, 400.4]], np.float32)
    record = messages.lanes([LaneLine(points, road, 0.7, 1)], CLASSES, HEADER)
    (got,) = messages.lanes_from(through("perception_msgs/msg/LaneArray", record), CLASSES)
    np.testing.assert_array_equal(got.image, points)
    assert (got.road is None) == (road is None)
    np.testing.assert_array_equal(got.road, road)
    assert (got.kind, got.score) == (1, pytest.approx(0.7, abs=1e-7))


def test_the_mask_has_the_size_of_the_image(through):
    cells = ClassMap(np.array([[0, 1], [0, 0]], np.uint8), (8, 4))
    got = through("sensor_msgs/msg/Image", messages.mask(cells, HEADER))
    assert (got.width, got.height, got.encoding, got.step) == (8, 4, "mono8", 8)
    assert set(got.data.tolist()) == {0, 255}
    back = messages.mask_from(got, (8, 4))
    np.testing.assert_array_equal(back.labels, np.kron(cells.labels, np.ones((2, 4), np.uint8)))


def changed(**change):
    """A message with one box, of which something is not as it should be."""
    got = message(ARRAY, messages.detections(FOUND[:1], CLASSES, HEADER))
    box = got.detections[0]
    for name, value in change.items():
        place = {"class_id": box.results[0].hypothesis, "theta": box.bbox.center, "results": box}.get(
            name, box.bbox
        )
        setattr(place, name, value)
    return got


@pytest.mark.parametrize(
    "change",
    [{"class_id": "unicorn"}, {"theta": 0.3}, {"results": []}, {"size_x": -1.0}, {"size_y": float("nan")}],
)
def test_boxes_that_cannot_be_meant_are_refused(change):
    with pytest.raises(DataError, match="expected"):
        messages.detections_from(changed(**change), CLASSES)


def test_the_best_hypothesis_counts():
    got = changed()
    worse = message(ARRAY, messages.detections(FOUND[1:], CLASSES, HEADER)).detections[0].results[0]
    got.detections[0].results = [worse, got.detections[0].results[0]]
    assert messages.detections_from(got, CLASSES).class_id.tolist() == [2]


def test_a_lane_with_road_points_for_half_of_its_points_is_refused():
    road = np.zeros((2, 2), np.float32)
    record = messages.lanes([LaneLine(road, road, 0.7, 1)], CLASSES, HEADER)
    record["lines"][0]["road"].pop()
    with pytest.raises(DataError, match="a road point for each of 2"):
        messages.lanes_from(message("perception_msgs/msg/LaneArray", record), CLASSES)


def test_what_was_not_seen_in_this_frame_is_not_published():
    """A message cannot say that an object is of an earlier frame."""
    boxes = np.array([[1, 2, 3, 4], [5, 6, 7, 8], [9, 9, 12, 12]], np.float32)
    track, age = np.array([7, -1, 8]), np.array([0, 0, 120], np.float32)
    found = Detections(boxes, np.ones(3, np.float32), np.zeros(3, np.int32), track, age)
    assert [box["id"] for box in messages.detections(found, ("car",), HEADER)["detections"]] == ["7", ""]
    line = LaneLine(np.zeros((2, 2), np.float32), None, 0.9, 0)
    both = messages.lanes([line, replace(line, predicted=True)], ("solid",), HEADER)
    assert len(both["lines"]) == 1

"""What is found on the own vehicle and in blank frames, by hand."""

import numpy as np
import pytest

from perception.evaluation.nothing import NothingThere, OwnVehicle
from perception.tasks.lanes import CLASSES
from perception.types import ClassMap, Detections, LaneLine, Scene

OWN = np.arange(360)[:, None] * np.ones((1, 640)) >= 300  # pictures are twice as large


def scene(boxes=(), lines=(), drivable_from=180, kind=0):
    labels = (np.arange(180)[:, None] * np.ones((1, 320)) >= drivable_from).astype(np.uint8)
    class_id = np.array([c for *_, c in boxes], np.int32)
    xyxy = np.array([box for *box, _ in boxes], np.float32).reshape(-1, 4)
    found = Detections(xyxy, np.ones(len(boxes), np.float32), class_id)
    strokes = tuple(LaneLine(np.array(points, np.float32), None, 1.0, kind) for points in lines)
    return Scene(0, 0, (1280, 720), found, lanes=strokes, drivable=ClassMap(labels, (1280, 720)))


def on_own(*scenes):
    metric = OwnVehicle(("vehicle", "person"))
    for seen in scenes:
        metric.update(OWN, seen)
    return metric.result()


def test_the_share_of_the_own_vehicle_that_is_drivable():
    assert on_own(scene(drivable_from=165))["drivable"] == pytest.approx(1 / 2)
    assert on_own(scene(drivable_from=90))["drivable"] == 1


def test_a_line_counts_from_eleven_pixels_below_the_edge():
    ends = [[(640, 500), (640, 600 + 2 * below)] for below in (-10, 9, 12, 40)]
    assert on_own(scene(lines=ends), scene())["lines"] == 2 / 2


def test_a_road_edge_where_there_is_none_counts_as_a_line():
    edge = scene(lines=[[(200, 716), (600, 620)]], kind=CLASSES.index("road_edge"))
    assert on_own(edge)["lines"] == 1
    metric = NothingThere()
    metric.update(edge)
    assert metric.result()["found"] == 1


def test_boxes_count_by_their_centre_and_vehicles_also_alone():
    boxes = [(0, 640, 100, 700, 0), (0, 640, 100, 719, 1), (0, 500, 100, 690, 0)]
    found = on_own(scene(boxes), scene())
    assert (found["vehicles"], found["objects"]) == (1 / 2, 2 / 2)


def test_a_box_that_reaches_beyond_the_picture_is_no_fault():
    assert on_own(scene([(1270, 700, 1300, 760, 0)]))["vehicles"] == 1


def test_things_found_in_blank_frames():
    metric = NothingThere()
    metric.update(scene([(0, 0, 9, 9, 0)], [[(0, 0), (5, 5)]], drivable_from=90))
    metric.update(scene())
    assert metric.result() == {"drivable": 1 / 4, "found": 2 / 2}

"""Stills have metres, and nothing that needs memory."""

from dataclasses import replace

import numpy as np

from perception.stages.still import for_stills
from tests.stages.drives import CAMERA, boxes, drive, found, line, tracking

PLACES = [(12, -3), (18, 3), (30, 0)]


def stills(camera, lanes=None):
    seen = lambda k: found(boxes(PLACES if k else [(50, 0)]))  # noqa: E731
    return list(drive(seen, 3, camera=camera, stages=for_stills(tracking()), lanes=lanes))


def test_objects_have_metres_and_no_numbers():
    scenes = stills(CAMERA)
    np.testing.assert_allclose(scenes[1].detections.road, PLACES, rtol=0.1, atol=0.3)
    np.testing.assert_array_equal(scenes[1].detections.road, scenes[2].detections.road)
    assert scenes[1].detections.track is scenes[1].detections.velocity is scenes[1].events is None


def test_without_a_camera_there_are_none():
    assert stills(None)[1].detections.road is None


def test_roles_are_relative_to_the_vehicle():
    lines = (line(450.0), line(900.0))
    ahead, turned = (stills(c, lambda k: lines)[1].lanes for c in (CAMERA, replace(CAMERA, yaw=0.4)))
    assert [one.role for one in ahead] == ["ego_left", "ego_right"]
    assert [one.role for one in turned] == ["next_left", "ego_left"]

"""A crop is seen as if it were the image, and found where it is in the whole one."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from perception.camera import CameraModel
from perception.crop import WHOLE, Crop
from perception.errors import FrameError, PerceptionError
from perception.load import load
from perception.sources import open_source
from perception.types import Frame, Scene

PART = (100, 30, 1000, 562)
LEFT, TOP, WIDTH, HEIGHT = PART


@pytest.fixture(scope="module")
def frame() -> Frame:
    """A rendered scene with a calibrated camera."""
    return next(iter(open_source("synthetic:7")))


@pytest.fixture(scope="module")
def seen(frame) -> tuple[Scene, Scene]:
    """A part of the frame, and the same pixels cut out before."""
    whole, alone = load(threads=1, crop=PART), load(threads=1)
    image = np.ascontiguousarray(frame.image[TOP : TOP + HEIGHT, LEFT : LEFT + WIDTH])
    camera = replace(frame.camera, size=(WIDTH, HEIGHT), cx=frame.camera.cx - LEFT, cy=frame.camera.cy - TOP)
    return whole(frame), alone(replace(frame, image=image, camera=camera))


def test_boxes_and_signs_are_those_of_the_cut_image_moved(seen):
    scene, cut = seen
    assert len(cut.detections)
    np.testing.assert_array_equal(scene.detections.xyxy, cut.detections.xyxy + np.float32((LEFT, TOP) * 2))
    np.testing.assert_array_equal(scene.detections.score, cut.detections.score)
    np.testing.assert_array_equal(scene.signs.xyxy, cut.signs.xyxy + np.float32((LEFT, TOP) * 2))
    np.testing.assert_array_equal(scene.signs.class_id, cut.signs.class_id)


def test_lines_are_moved_in_the_image_and_not_on_the_road(seen):
    scene, cut = seen
    assert len(scene.lanes) == len(cut.lanes) > 0
    for line, own in zip(scene.lanes, cut.lanes, strict=True):
        np.testing.assert_array_equal(line.image, own.image + np.float32((LEFT, TOP)))
        np.testing.assert_array_equal(line.road, own.road)


def test_the_map_is_that_of_the_cut_image_and_empty_outside(seen):
    scene, cut = seen
    inside = np.zeros((720, 1280), bool)
    inside[TOP : TOP + HEIGHT, LEFT : LEFT + WIDTH] = True
    own = cv2.resize(cut.drivable.labels, (WIDTH, HEIGHT), interpolation=cv2.INTER_NEAREST_EXACT)
    assert (scene.size, scene.drivable.size) == ((1280, 720),) * 2
    np.testing.assert_array_equal(scene.drivable.labels[inside], own.ravel())
    assert own.any()
    assert not scene.drivable.labels[~inside].any()


def test_the_whole_image_is_left_alone(frame):
    assert WHOLE.cut(frame) is frame
    assert Crop.parse((0, 0, 1280, 720)).cut(frame) is frame


def test_the_camera_of_a_part_sees_the_same_road(frame):
    camera = CameraModel((640, 360), 500, 500, 320, 180, (-0.2, 0.05, 0, 0, 0), pitch=0.02)
    part = Crop(*PART).cut(replace(frame, camera=camera))
    points = np.array([[300.0, 400.0], [900.0, 500.0]])
    road = camera.scaled((1280, 720)).to_road(points)
    np.testing.assert_allclose(part.camera.to_road(points - (LEFT, TOP)), road)
    assert part.camera.size == part.size == (WIDTH, HEIGHT)


@pytest.mark.parametrize("text", ["0,0.25,1,0.5", "0,180,1280,360", (0, 0.25, 1.0, 0.5)])
def test_pixels_or_fractions(text):
    assert Crop.parse(text).at((1280, 720)) == (0, 180, 1280, 360)


def test_fractions_follow_the_camera():
    assert Crop.parse("0,0,1,0.8").at((640, 480)) == (0, 0, 640, 384)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0,0,1",
        "0,0,1,1,1",
        "0,0,0,1",
        "a,b,c,d",
        "-1,0,100,100",
        "0.5,0,0.6,1",
        "0,0,100.5,100",
        "0,0,nan,1",
        "0,0,inf,1",
        ("x", 0, 1, 1),
        7,
    ],
)
def test_what_is_no_crop(text):
    with pytest.raises(PerceptionError, match=r"expected a crop of four numbers x,y,width,height.*, got"):
        Crop.parse(text)


@pytest.mark.parametrize(("text", "size"), [("0,0,1280,721", (1280, 720)), ("600,0,100,90", (640, 90))])
def test_a_crop_outside_the_image_fails_the_frame(text, size):
    image = np.zeros((size[1], size[0], 3), np.uint8)
    message = f"inside the image of {size[0]} x {size[1]} pixels, got {text}"
    with pytest.raises(FrameError, match=message):
        Crop.parse(text).cut(Frame(image, 0, 0))
    with pytest.raises(FrameError, match=r"0,0,0\.1,0\.001"):
        Crop.parse("0,0,0.1,0.001").at((64, 64))

"""A camera is the same camera after it went through CameraInfo and a transform."""

from __future__ import annotations

from dataclasses import astuple, replace

import numpy as np
import pytest

from perception.camera import CameraModel
from perception.errors import PerceptionError
from perception.messages import camera_from, camera_info, header, mount, mount_from
from perception.node.bus import message

HEADER = header(5, "base_link")
INFO = "sensor_msgs/msg/CameraInfo"
CAMERA = CameraModel(
    (1280, 720), 900.0, 901.0, 640.3, 350.2, (0.1, -0.2, 0.001, 0.002, 0.03), 1.5, 0.1, 0.02, -0.3
)
FISHEYE = replace(CAMERA, distortion=(0.1, -0.02, 0.001, 0.002, 0.0), lens="fisheye")


def flat(camera):
    return np.hstack([np.ravel(value) for value in astuple(camera) if not isinstance(value, str)])


@pytest.mark.parametrize("camera", [CAMERA, FISHEYE])
def test_a_camera_goes_through_unchanged(camera, through):
    info = through(INFO, camera_info(camera, HEADER))
    record = {"transforms": [mount(camera, HEADER, "camera_optical")]}
    (placed,) = through("tf2_msgs/msg/TFMessage", record).transforms
    got = camera_from(info, **mount_from(placed))
    np.testing.assert_allclose(flat(got), flat(camera), atol=1e-9)
    assert got.lens == camera.lens


def test_the_transform_turns_camera_axes_into_those_of_the_vehicle():
    level = CameraModel((640, 480), 500.0, 500.0, 320.0, 240.0)
    q = mount(level, HEADER, "camera_optical")["transform"]["rotation"]
    assert [q[axis] for axis in "xyzw"] == pytest.approx([-0.5, 0.5, -0.5, 0.5])  # REP 103: optical from body


def test_cameras_count_from_the_centre_of_the_first_pixel():
    assert camera_info(CAMERA, HEADER)["k"][2] == pytest.approx(CAMERA.cx - 0.5)


def info(**change):
    return message(INFO, {**camera_info(CAMERA, HEADER), **change})


def test_a_camera_that_nobody_calibrated_is_none():
    assert camera_from(info(k=[0.0] * 9)) is None


@pytest.mark.parametrize("model", ["rational_polynomial", "plumb_bob"])
def test_terms_that_are_zero_do_not_matter(model):
    got = camera_from(info(distortion_model=model, d=[0.1, 0.2, 0.0, 0.0, 0.3, 0.0, 0.0, 0.0]))
    assert got.distortion == (0.1, 0.2, 0.0, 0.0, 0.3)


@pytest.mark.parametrize(
    ("model", "numbers"),
    [("rational_polynomial", [0.1] * 8), ("equidistant", [0.1, 0.2, 0.3, 0.4, 0.5]), ("mono", [0.1])],
)
def test_other_lens_models_are_refused(model, numbers):
    with pytest.raises(PerceptionError, match="rectify"):
        camera_from(info(distortion_model=model, d=numbers))


@pytest.mark.parametrize(
    "lens",
    [{}, {"distortion_model": "rational_polynomial", "d": [0.1] * 8}, {"distortion_model": "equidistant"}],
)
def test_rectified_images_have_the_camera_of_p_and_no_distortion(lens):
    p = [870.0, 0.0, 641.0, -90.0, 0.0, 940.0, 361.0, 0.0, 0.0, 0.0, 1.0, 0.0]
    got = camera_from(info(p=p, **lens), 1.5, 0.1, rectified=True)
    assert got == CameraModel((1280, 720), 870.0, 940.0, 641.5, 361.5, height=1.5, pitch=0.1)
    assert camera_from(info(p=[0.0] * 12), rectified=True) is None


def test_the_model_is_of_the_part_that_is_sent():
    roi = {"x_offset": 100, "y_offset": 40, "width": 800, "height": 600, "do_rectify": False}
    got = camera_from(info(binning_x=2, binning_y=2, roi=roi))
    assert got.size == (400, 300)
    assert (got.fx, got.cx, got.cy) == pytest.approx((450.0, (640.3 - 100) / 2, (350.2 - 40) / 2))


def test_matrices_have_large_names_in_ros_1():
    old = info()
    for name in "dkrp":
        setattr(old, name.upper(), vars(old).pop(name))
    assert camera_from(old).fx == CAMERA.fx

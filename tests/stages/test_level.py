"""The compiled lens is the one of CameraModel."""

from dataclasses import replace

import numpy as np
import pytest

from perception.stages.level import Level
from tests.stages.drives import CAMERA, SIZE

MOUNTED = replace(CAMERA, pitch=0.03, yaw=0.02, roll=-0.04)
LENSES = {
    "straight": MOUNTED,
    "barrel": replace(MOUNTED, distortion=(-0.24, 0.06, 0.001, -0.002, 0.0)),
    "folds over": replace(MOUNTED, fx=500, fy=500, distortion=(-0.3, 0.09, 0.0, 0.0, -0.01)),
    "pincushion": replace(MOUNTED, distortion=(0.2, 0.1, 0.0, 0.0, 0.05)),
    "fisheye": replace(MOUNTED, fx=400, fy=400, lens="fisheye", distortion=(0.01, -0.02, 0.003, -0.001, 0.0)),
}
POINTS = np.random.default_rng(1).uniform((-300, -200), (1600, 900), (400, 2))


@pytest.mark.parametrize("camera", LENSES.values(), ids=LENSES)
def test_rays_are_those_of_the_camera(camera):
    np.testing.assert_allclose(Level(camera).straightened(POINTS), camera.rays(POINTS), rtol=1e-6)


@pytest.mark.parametrize("camera", LENSES.values(), ids=LENSES)
def test_road_points_are_those_of_the_camera_at_that_pitch(camera):
    level, nods = Level(camera), replace(camera, pitch=0.05)
    road = level.on_road(level.straightened(POINTS), 0.05, np.inf)
    np.testing.assert_allclose(road, nods.to_road(POINTS), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("camera", LENSES.values(), ids=LENSES)
def test_boxes_come_back(camera):
    boxes = np.array([(500.0, 300, 560, 350), (800, 310, 900, 400)])
    np.testing.assert_allclose(Level(camera).back(Level(camera).boxes(boxes)), boxes, atol=1)


@pytest.mark.parametrize("camera", LENSES.values(), ids=LENSES)
def test_what_is_straight_ahead_is_below_the_middle(camera):
    turned = replace(camera, yaw=0.1, cx=600.0)
    rays = Level(turned).rays(np.array([(Level(turned).middle, SIZE[1])]))
    assert rays[0, 0] == pytest.approx(0, abs=1e-3)
    assert Level(turned).middle > Level(replace(turned, yaw=0.0)).middle + 20


def test_a_camera_that_looks_aside_has_the_middle_of_its_image():
    assert Level(replace(CAMERA, yaw=1.5)).middle == 640

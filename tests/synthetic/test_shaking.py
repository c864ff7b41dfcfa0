"""Knocks of the camera and the pitching of the vehicle: what is rendered is what the truth says."""

import numpy as np
import pytest

from perception.synthetic import Knock, Shaking, World, random_camera

SIZE = (480, 288)
CAMERA = random_camera(np.random.default_rng(4), SIZE)


@pytest.fixture(scope="module")
def knocked():
    return World(4, CAMERA, shaking=Shaking([Knock(2.0, pitch=0.03, yaw=-0.02)], bumps=0.01))


def test_a_knock_lasts_and_the_driver_does_not_know_of_it(knocked):
    before, after = knocked.render(1.0), knocked.render(3.0)
    assert before.mounted == before.frame.camera == after.frame.camera == CAMERA
    assert after.mounted.pitch == pytest.approx(CAMERA.pitch + 0.03)
    assert after.mounted.yaw == pytest.approx(CAMERA.yaw - 0.02)


def test_the_picture_is_that_of_the_camera_over_the_road(knocked):
    seen = knocked.render(3.0)
    still = World(4, seen.over_road).render(3.0)
    assert np.abs(seen.frame.image.astype(int) - still.frame.image).mean() < 2
    for line, same in zip(seen.truth.lanes, still.truth.lanes, strict=True):
        assert np.allclose(line.image, same.image, atol=0.01)


def test_bumps_have_the_deviation_that_was_asked_for():
    pitch = [Shaking(bumps=0.01, seed=3).over_road(CAMERA, t).pitch for t in np.arange(0, 600, 0.1)]
    assert np.std(pitch) == pytest.approx(0.01, rel=0.05)
    assert np.mean(pitch) == pytest.approx(CAMERA.pitch, abs=0.0005)


def test_a_still_camera_gives_the_same_bytes_as_none():
    a, b = World(4, CAMERA).render(1.0), World(4, CAMERA, shaking=Shaking()).render(1.0)
    assert a.frame.image.tobytes() == b.frame.image.tobytes()
    assert a.over_road == a.mounted == CAMERA

"""The own motion of an image, from topics: the nearest in time, and a reason where there is none."""

import math
import time

import pytest

from perception.messages import header
from perception.node.bus import message
from perception.node.ego import OwnMotion
from perception.node.parameters import Settings
from perception.types import Ego
from tests.node.rig import NOW
from tests.sources.test_bag_ego import imu, odometry, twist

S = 10**9


def said(make, at_s, *values):
    _, kind, _, record = make(0, *values)
    return message(kind, {**record, "header": header(NOW + int(at_s * S), "")})


@pytest.fixture
def motion():
    return OwnMotion(Settings(twist_topic="twist"))


@pytest.mark.parametrize(("at_s", "speed"), [(-0.2, 10.0), (0.0, 10.0), (0.21, 12.0), (0.6, 14.0)])
def test_the_nearest_counts(at_s, speed):
    motion = OwnMotion(Settings(odometry_topic="odom"))
    for k in range(5):
        motion.hear_odometry(said(odometry, k / 10, 10.0 + k, 0.1))
    assert motion.at(NOW + int(at_s * S)) == Ego(speed, 0.1)


def test_a_twist_is_in_place_of_odometry():
    motion = OwnMotion(Settings(odometry_topic="odom", twist_topic="twist", imu_topic="imu"))
    assert [topic for topic, *_ in motion.topics()] == ["twist", "imu"]


def test_late_or_missing_is_none_and_said(motion):
    assert motion.at(NOW) is None
    motion.hear_twist(said(twist, 0))
    assert motion.at(NOW + S) is None
    assert "no own motion within 0.3 s" in motion.problem
    assert motion.at(NOW) == Ego(10.0, 0.1)
    assert motion.problem == ""


@pytest.mark.parametrize("speed", [math.nan, 300.0])
def test_what_is_no_speed_is_none_and_said(motion, speed):
    motion.hear_twist(said(twist, 0, speed))
    assert motion.at(NOW) is None
    assert "expected an own speed" in motion.problem


@pytest.mark.parametrize(("speed", "known"), [(10.0, False), (0.0, True)])
def test_frozen_in_motion_is_none_and_said(motion, speed, known):
    for k in range(60):
        motion.hear_twist(said(twist, k / 10, speed))
    assert (motion.at(NOW + int(5.9 * S)) is not None) == known
    assert ("frozen" in motion.problem) != known


def test_an_imu_tells_the_yaw_rate():
    motion = OwnMotion(Settings(twist_topic="twist", imu_topic="imu"))
    motion.hear_twist(said(twist, 0))
    assert motion.at(NOW) == Ego(10.0, None)
    motion.hear_imu(said(imu, 0, 0.3))
    assert motion.at(NOW) == Ego(10.0, 0.3)


@pytest.mark.parametrize(("turns", "known"), [(True, True), (False, False), (None, True)])
def test_under_cruise_control_the_imu_tells_whether_it_is_frozen(turns, known):
    """A twist that never turns. Without a yaw rate, a speed may stay the same."""
    motion = OwnMotion(Settings(twist_topic="twist", imu_topic="imu"))
    for k in range(100):
        motion.hear_twist(said(twist, k / 10, 25.0, 0.0))
        if turns is not None:
            motion.hear_imu(said(imu, k / 10, 0.1 + 0.001 * (k % 7) * turns))
    assert (motion.at(NOW + int(9.9 * S)) is not None) == known
    assert ("frozen" in motion.problem) != known


def test_the_node_hears_it_and_tells_what_is_wrong(rig):
    it = rig(twist_topic="twist")
    it.start()
    it.send()
    it.answered(1)
    assert "no own motion" in it.node.status()["message"]
    assert [reason.name for reason in it.node.health.report(time.monotonic_ns()).reasons] == ["own_motion"]
    it.bus.send("twist", said(twist, 0))
    it.send(stamp_ns=NOW)
    it.answered(2)
    assert [frame.ego for frame in it.pipeline.frames] == [None, Ego(10.0, 0.1)]

"""The own motion of bags: whichever topic tells it, and None where nothing does."""

import logging
import weakref
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from perception import messages
from perception.errors import SourceError
from perception.messages.write import NO_POSE
from perception.sources.bag import Topic
from perception.sources.bag_ego import TWIST, motion_of
from perception.sources.drive import Drive
from perception.sources.ego import with_motion
from perception.types import Ego
from tests.sources.bags import FORMATS, START, STEP, drive_of, header, write_mcap

COUNT = 12


def vector(**parts):
    return {"x": 0.0, "y": 0.0, "z": 0.0, **parts}


def twist(k, speed=10.0, yaw=0.1, topic="/twist"):
    record = {"header": header(k), "twist": {"linear": vector(x=speed), "angular": vector(z=yaw)}}
    return topic, "geometry_msgs/msg/TwistStamped", START + max(k, 0) * STEP, record


def odometry(k, speed=10.0, yaw=0.1, topic="/odom"):
    own = {"twist": twist(k, speed, yaw)[3]["twist"], "covariance": [0.0] * 36}
    record = {"header": header(k), "child_frame_id": "base_link", "pose": NO_POSE, "twist": own}
    return topic, "nav_msgs/msg/Odometry", START + k * STEP, record


def imu(k, yaw=0.2, topic="/imu"):
    record = {"header": header(k), "orientation": vector(w=1.0), "angular_velocity": vector(z=yaw)}
    record |= {"linear_acceleration": vector(), "orientation_covariance": [0.0] * 9}
    record |= {f"{name}_covariance": [0.0] * 9 for name in ("angular_velocity", "linear_acceleration")}
    return topic, "sensor_msgs/msg/Imu", START + k * STEP, record


@pytest.fixture
def egos(tmp_path):
    def of(*said, topic=None, write=write_mcap):
        every = sorted([*drive_of(COUNT), *said], key=lambda one: one[2])
        source = with_motion(Drive(write(tmp_path / "bag", every)), topic)
        return [frame.ego for frame in source]

    return of


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("kind", [twist, odometry])
def test_the_only_topic_of_a_type_is_found(egos, form, kind):
    found = egos(*(kind(k, 10 + k) for k in range(COUNT)), write=FORMATS[form])
    assert found == [Ego(10.0 + k, 0.1) for k in range(COUNT)]


def test_odometry_comes_before_a_twist(egos):
    assert egos(twist(0, 5.0), odometry(0, 6.0))[0] == Ego(6.0, 0.1)


def test_the_imu_tells_the_yaw_rate_where_nothing_else_does(egos):
    said = [one for k in range(COUNT) for one in (twist(k, yaw=0.0), imu(k))]
    assert egos(*said)[3] == Ego(10.0, 0.2)


def test_of_several_one_is_chosen(egos, caplog):
    said = twist(0, 5.0, topic="/a"), twist(0, 6.0, topic="/b")
    assert egos(*said, topic=Path("/b"))[0] == Ego(6.0, 0.1)


def test_of_several_none_is_guessed(egos, caplog):
    assert egos(twist(0, topic="/a"), twist(0, topic="/b"))[0] is None
    assert "choose with --ego" in caplog.text


def test_a_topic_that_is_not_there_is_refused(egos):
    with pytest.raises(SourceError, match=r"got /odom; there are: /twist"):
        egos(twist(0), topic=Path("/odom"))


def test_a_topic_is_chosen_without_reading_the_messages(tmp_path):
    every = sorted([*drive_of(COUNT), twist(0, topic="/a")], key=lambda one: one[2])
    drive = Drive(write_mcap(tmp_path / "bag", every))
    drive.bag = SimpleNamespace(topics=drive.bag.topics)
    drive.choose_motion("/a")


def test_what_is_late_or_not_a_number_is_none_and_said(egos, caplog):
    with caplog.at_level(logging.WARNING):
        found = egos(twist(0), twist(1, np.nan))
    assert found[0] is not None
    assert found[1:] == [None] * (COUNT - 1)
    assert "the speed is missing" in caplog.text
    assert "no row is near their time" in caplog.text


def test_frozen_values_are_none(egos):
    found = egos(*(twist(k) for k in range(-60, 120)))
    assert found == [None] * COUNT


def test_the_stamp_of_the_recording_counts_where_a_message_has_none(egos):
    topic, kind, time_ns, record = twist(0)
    assert egos((topic, kind, time_ns, {**record, "header": messages.header(0, "")}))[0] == Ego(10.0, 0.1)


class Said(SimpleNamespace):
    """May be referred to weakly."""


def test_no_message_is_kept():
    kept, never = [], SimpleNamespace(sec=0, nanosec=0)
    still = SimpleNamespace(linear=SimpleNamespace(x=0.0), angular=SimpleNamespace(z=0.0))

    def message():
        assert sum(one() is not None for one in kept) <= 1
        said = Said(header=SimpleNamespace(stamp=never), twist=still)
        kept.append(weakref.ref(said))
        return said

    every = [SimpleNamespace(message=message, time_ns=START + k * STEP) for k in range(9)]
    bag = SimpleNamespace(topics={"/twist": Topic("/twist", TWIST, 9)}, raw=lambda topics: every)
    assert motion_of(bag, None, "drive").at(START / 1e9)[0] == Ego(0.0, 0.0)

"""The own motion beside a source: what is near in time, and None with a reason where nothing is."""

import logging

import numpy as np
import pytest

from perception.errors import SourceError
from perception.sources.ego import WithEgo
from perception.types import Ego, Frame


class Frames:
    """A frame every tenth of a second."""

    live, images, lost, fps = False, False, 0, 10.0

    def __init__(self, count):
        self.count = count

    def __iter__(self):
        for seq in range(self.count):
            yield Frame(np.zeros((2, 2, 3), np.uint8), seq * 10**8, seq)

    def close(self):
        pass


@pytest.fixture
def motion(tmp_path):
    def of(text, frames=3):
        path = tmp_path / "motion.csv"
        path.write_text(text)
        return [frame.ego for frame in WithEgo(Frames(frames), path)]

    return of


def test_between_two_rows_the_motion_is_interpolated(motion):
    found = motion("stamp_s,speed_mps,yaw_rate_radps\n0,10,0\n0.2,12,0.1\n")
    assert found == [Ego(10, 0), Ego(pytest.approx(11), pytest.approx(0.05)), Ego(12, 0.1)]


def test_rows_may_be_by_frame_and_without_a_yaw_rate(motion):
    assert motion("frame,speed_mps\n0,5\n2,7\n") == [Ego(5, None), None, Ego(7, None)]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("stamp_s,speed_mps\n5,10\n", "no row is near"),
        ("stamp_s,speed_mps,yaw_rate_radps\n0,,0\n0.2,nan,0\n", "speed is missing"),
        ("stamp_s,speed_mps,yaw_rate_radps\n-9,8,0.1\n-1,8,0.1\n0,8,0.1\n0.1,8,0.1\n0.2,8,0.1\n", "frozen"),
    ],
)
def test_what_is_late_missing_or_frozen_is_none_and_named(motion, caplog, text, reason):
    with caplog.at_level(logging.WARNING):
        assert motion(text) == [None] * 3
    assert reason in caplog.text


def test_a_vehicle_that_stands_is_not_frozen(motion):
    rows = "".join(f"{k / 10},0,0\n" for k in range(-90, 3))
    assert motion("stamp_s,speed_mps,yaw_rate_radps\n" + rows) == [Ego(0, 0)] * 3


def test_a_speed_without_a_yaw_rate_may_stay_the_same(motion):
    """A cruise control holds it."""
    rows = "".join(f"{k / 10},27.8\n" for k in range(-90, 3))
    assert motion("stamp_s,speed_mps\n" + rows) == [Ego(27.8, None)] * 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "got no row"),
        ("a,b\n1,2\n", "expected the columns"),
        ("frame,speed_mps\n0,fast\n", "line 2: expected numbers"),
        ("frame,speed_mps\n1,1\n1,1\n", "line 3: expected frame to increase"),
        ("frame,speed_mps\n0,130\n", "convert km/h"),
    ],
)
def test_another_table_is_refused(motion, text, message):
    with pytest.raises(SourceError, match=message):
        motion(text)

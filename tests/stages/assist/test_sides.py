"""How lane lines move aside: one that takes another's role has not moved, and a tilt is no drift."""

import numpy as np
import pytest

from perception.stages.assist.situation import Watch, alike
from perception.types import Ego, Frame, LaneLine, Scene

IMAGE = np.zeros((4, 4, 3), np.uint8)


def sides(left, right, number=lambda k: 1, frames=12, ego=None, slope=0.0):
    """`left`, `right`: frame -> metres; `slope`: of both lines."""
    watch = Watch(("vehicle",), ())
    for k in range(frames):
        scene = Scene(
            k,
            k * 100_000_000,
            (4, 4),
            lanes=(line(left(k), "ego_left", number(k), slope), line(right(k), "ego_right", 9, slope)),
        )
        found = watch(Frame(IMAGE, scene.stamp_ns, k, ego=ego), scene).sides
    return found


def line(y, role, number, slope):
    road = np.float32([(x, y + slope * (x - 1.5)) for x in (4, 6, 8, 10)])
    return LaneLine(road, road, 0.9, 1, number, role)


def test_a_drift_is_that_of_both_lines():
    found = sides(lambda k: 1.8 - 0.05 * k, lambda k: -1.8 - 0.03 * k)
    assert np.allclose([found["ego_left"][1], found["ego_right"][1]], -0.4, atol=0.01)


def test_a_line_that_is_not_seen_for_a_moment_has_still_moved():
    """It is in every third frame only; so is the other."""
    watch = Watch(("vehicle",), ())
    for k in range(13):
        lanes = (line(1.8 - 0.05 * k, "ego_left", 1, 0.0), line(-1.8 - 0.05 * k, "ego_right", 2, 0.0))
        scene = Scene(k, k * 100_000_000, (4, 4), lanes=lanes if k % 3 == 0 else ())
        found = watch(Frame(IMAGE, scene.stamp_ns, k), scene).sides
    assert np.allclose([found["ego_left"][1], found["ego_right"][1]], -0.5, atol=0.01)


def test_lines_that_move_apart_tell_no_drift():
    found = sides(lambda k: 1.8 + 0.05 * k, lambda k: -1.8 - 0.05 * k)
    assert found == {"ego_left": None, "ego_right": None}


def test_another_line_in_the_role_is_no_drift():
    found = sides(lambda k: 1.8 if k < 11 else 1.0, lambda k: -1.8, number=lambda k: 1 + (k > 10))
    assert found["ego_left"] is None


def test_of_lines_that_disagree_the_one_is_believed_that_the_vehicle_heads_to():
    """At 20 m/s and a slope of -0.03 the lines come nearer by 0.6 m/s."""
    found = sides(lambda k: 1.8 - 0.06 * k, lambda k: -1.8 + 0.05 * k, ego=Ego(20.0, 0.0), slope=-0.03)
    assert np.allclose([found["ego_left"][1], found["ego_right"][1]], -0.6, atol=0.02)


def test_on_a_bend_lines_that_lead_where_the_vehicle_turns_tell_no_drift():
    found = sides(lambda k: 1.8, lambda k: -1.8, ego=Ego(20.0, 0.2), slope=0.07)
    assert np.allclose([found["ego_left"][1], found["ego_right"][1]], 0.0, atol=0.01)


@pytest.mark.parametrize(
    ("rates", "headings", "told"),
    [
        ([0.5, 0.4], [], 0.45),
        ([0.5, 0.0], [0.4], 0.45),  # the line that is believed
        ([0.74], [1.3, 1.53], 0.74),  # a rate follows late: both tell a drift
        ([0.2], [0.9], None),
        ([0.74], [-1.3], None),
        ([-0.34, 0.07], [-0.46, 0.31], None),  # either may be right
    ],
)
def test_a_drift_is_told_where_enough_agree_on_it(rates, headings, told):
    assert alike(rates, headings) == (None if told is None else pytest.approx(told))

"""Lane lines keep numbers and roles, move without lag, and bridge short gaps."""

from dataclasses import replace

import numpy as np

from perception.stages.lines import Lines, in_sight
from perception.types import LaneLine
from tests.stages.drives import SIZE, line


def feet(lanes):
    return {one.id: float(one.image[0, 0]) for one in lanes}


def test_roles_are_by_side_and_order():
    lanes = Lines(4)((line(-400.0), line(300.0), line(980.0), line(1700.0), line(1900.0, kind=4)), SIZE, 0.0)
    assert [one.role for one in lanes] == ["next_left", "ego_left", "ego_right", "next_right", ""]


def test_a_lane_change_keeps_numbers_changes_roles_and_does_not_lag():
    follow = Lines(4)
    for k in range(31):
        lanes = follow((line(300.0 + 24 * k), line(980.0 + 24 * k)), SIZE, 0.1)
    assert [one.id for one in lanes] == [0, 1]
    assert [one.role for one in lanes] == ["ego_right", "next_right"]
    assert abs(feet(lanes)[0] - 1020) < 12


def test_jitter_is_damped():
    noise = np.random.default_rng(0).normal(0, 8, 200)
    follow = Lines(4)
    seen = [feet(follow((line(300.0 + n),), SIZE, 0.05))[0] for n in noise]
    assert np.std(np.diff(seen)) < 0.8 * np.std(np.diff(noise))


def test_a_short_gap_is_bridged_as_predicted_and_a_long_one_is_not():
    follow = Lines(4)
    for _ in range(10):
        follow((line(300.0), line(980.0)), SIZE, 0.1)
    gap = [follow((line(980.0),), SIZE, 0.1) for _ in range(5)]
    assert [[one.predicted for one in lanes] for lanes in gap[:2]] == [[True, False]] * 2
    assert len(gap[-1]) == 1
    assert feet(follow((line(300.0), line(980.0)), SIZE, 0.1)).keys() == {0, 1}


def test_a_predicted_line_ends_where_an_object_hides_it():
    """The box covers the far part; a line that is seen stays whole."""
    seen, lost = line(980.0), replace(line(300.0), predicted=True)
    box = np.float32([[0, 0, 1280, 460]])
    shown = in_sight((lost, seen), SIZE, box)
    assert shown[1] is seen
    assert 1 < len(shown[0].image) < len(lost.image)
    assert shown[0].image[:, 1].min() > 460
    assert in_sight((lost,), SIZE, np.float32([[0, 0, 1280, 720]])) == ()


def test_another_size_of_image_begins_anew_and_bad_points_are_left_out():
    follow = Lines(4)
    assert feet(follow((line(300.0),), SIZE, 0.1)).keys() == {0}
    assert feet(follow((line(300.0),), (640, 360), 0.1)).keys() == {1}
    assert follow((line(float("nan")),), SIZE, 0.1) == ()


def level(y, x=(20.0, 400.0)):
    """A line that rises by 30 pixels in its 380, as that of a road that crosses."""
    image = np.stack([np.linspace(*x, 39), np.linspace(y, y - 30, 39)], 1).astype(np.float32)
    return LaneLine(image, None, 0.9, 1)


def test_a_nearly_level_line_is_drawn_across_itself_and_not_along():
    """It is seen 20 pixels lower: 8 of them are taken back, and no point leaves its place or the picture."""
    follow = Lines(4)
    for _ in range(8):
        follow((level(500.0),), SIZE, 0.1)
    (seen,) = follow((level(520.0),), SIZE, 0.1)
    np.testing.assert_allclose(seen.image[:, 0], level(520.0).image[:, 0], atol=1.0)
    np.testing.assert_allclose(seen.image[:, 1], level(512.0).image[:, 1], atol=0.3)


def test_no_point_leaves_the_image():
    follow = Lines(4)
    for k in range(12):
        lanes = follow((level(500.0 + 3 * k, (900.0, 1280.0)),) if k < 10 else (), SIZE, 0.1)
        lanes = in_sight(lanes, SIZE, np.empty((0, 4)))
        assert len(lanes) == 1
        assert all(((one.image >= 0) & (one.image <= SIZE)).all() for one in lanes)
        assert all(one.image[-1, 1] < one.image[0, 1] for one in lanes)
    beside = replace(line(300.0), image=line(300.0).image - (1000, 0), predicted=True)
    assert in_sight((beside,), SIZE, np.empty((0, 4))) == ()

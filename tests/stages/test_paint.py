"""Where lines are in rows of the image."""

import numpy as np

from perception.stages import paint
from tests.stages.drives import line

ROWS = np.linspace(710, 390, 12)


def test_columns_are_between_the_points_and_drawn_on_below():
    image = line(300.0).image[2:]
    at = paint.columns(*paint.packed([image]), ROWS)[0]
    slope = (300 - 640) / 374
    np.testing.assert_allclose(at, 300 + slope * (ROWS - 719), atol=1e-3)
    short = paint.columns(*paint.packed([image[:9]]), ROWS)[0]
    assert np.isnan(short[-1])


def test_a_line_that_goes_back_counts_where_it_comes_first():
    image = np.array([(100, 700), (110, 600), (120, 650), (130, 500)], np.float32)
    assert paint.columns(*paint.packed([image]), np.array([625.0]))[0, 0] == 107.5


def test_what_is_seen_is_drawn_towards_what_was_expected():
    points, ends = paint.packed([line(300.0).image, line(980.0).image])
    at = paint.columns(points, ends, ROWS)
    before = at.copy()
    drift = paint.settled(
        points, ends, at, np.stack([at[0] - 10, np.full(12, np.nan)]), ROWS, 0.6, 40.0, (1280, 720)
    )
    assert drift[0] == 10
    assert np.isnan(drift[1])
    np.testing.assert_allclose(points[20], line(980.0).image[0])
    drawn = paint.columns(points[:20], np.array([0, 20]), ROWS)
    np.testing.assert_allclose(drawn, before[:1] - 4, atol=0.01)

"""The road's curve, its layout, and how much paint a patch of road holds."""

import numpy as np
import pytest

from perception.synthetic.cameras import random_camera
from perception.synthetic.ground import cover, locate
from perception.synthetic.layout import random_layout
from perception.synthetic.road import BEHIND, Course

seeds = pytest.mark.parametrize("seed", range(8))


def strip(seed: int):
    return Course.random(np.random.default_rng(seed), 1 / 150).strip(321.0, -1.5, 0.02)


@seeds
def test_the_vehicle_is_at_its_own_origin(seed):
    np.testing.assert_allclose(strip(seed).to_vehicle(321.0, -1.5), [0, 0], atol=1e-9)
    np.testing.assert_allclose(strip(seed).turn(321.0), -0.02, atol=1e-9)


@seeds
def test_s_is_length_along_the_road(seed):
    road = strip(seed)
    np.testing.assert_allclose(np.linalg.norm(np.diff(road.xy, axis=0), axis=1), 0.5, atol=1e-6)


@seeds
def test_locating_a_point_undoes_placing_it(seed):
    road, rng = strip(seed), np.random.default_rng(seed)
    s, d = 321 + rng.uniform(3, 120, 40), rng.uniform(-12, 12, 40)
    for (x, y), s0, d0 in zip(road.to_vehicle(s, d), s, d, strict=True):
        along, across, _, _ = locate(x, y, x + BEHIND, road.table)
        np.testing.assert_allclose([along + 321 - BEHIND, across], [s0, d0], atol=0.03)


def test_paint_adds_up_to_the_stroke():
    """Patches side by side hold all of a solid stroke; over whole periods a dashed one holds its share."""
    strokes = np.array([[1.0, 0.15, 1.0, 1.0, 0.0, 0], [1.0, 0.15, 3.0, 12.0, 5.0, 0]])
    across = [cover(7.0, d, 0.3, 0.02, strokes, 0) * 0.02 for d in np.arange(0.5, 1.5, 0.02)]
    along = [cover(s, 1.0, 0.5, 0.02, strokes, 1) * 0.5 for s in np.arange(0.25, 24, 0.5)]
    np.testing.assert_allclose([sum(across), sum(along)], [0.15, 6.0], atol=1e-6)


@seeds
def test_surfaces_leave_no_gap_and_lanes_lie_on_the_carriageway(seed):
    layout = random_layout(np.random.default_rng(seed))
    for (_, end, _), (start, _, _) in zip(layout.bands, layout.bands[1:], strict=False):
        assert end == pytest.approx(start)
    right, left = layout.edges
    assert all(right <= x.d - x.width / 2 + 1e-9 and x.d + x.width / 2 - 1e-9 <= left for x in layout.lanes)
    assert layout.lanes[layout.ego].forward


@seeds
def test_driving_on_the_other_side_is_a_mirror(seed):
    layout = random_layout(np.random.default_rng(seed))
    assert layout.mirrored() != layout
    assert layout.mirrored().mirrored() == layout


@pytest.mark.parametrize("size", [(640, 384), (1280, 720), (360, 640)])
def test_random_cameras_are_plausible_and_see_the_road(size):
    rng = np.random.default_rng(0)
    for _ in range(50):
        camera = random_camera(rng, size)
        fov = np.rad2deg(2 * np.arctan(max(size) / 2 / camera.fx))
        horizon = camera.project(np.array([1e5, 0.0, 0.0]))[1]
        assert 44 < fov < 101
        assert 1.1 <= camera.height <= 2.2
        assert 0.1 * size[1] < horizon < 0.9 * size[1]

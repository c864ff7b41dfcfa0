"""Metres, the pitch of the frame and speed, on flat roads with exact truth."""

from dataclasses import replace

import numpy as np
import pytest

from perception.stages.pitch import by_shape
from perception.stages.plane import HEAD, MOST_LOG
from perception.tasks.lanes.decode import ROAD_EDGE
from perception.types import Ego, LaneLine
from tests.stages.drives import CAMERA, boxes, drive, found, line, tracking

PLACES = [(12, -3), (18, 3), (30, 0), (45, 6), (25, -6), (38, -3)]


@pytest.mark.parametrize("pitch", [-0.02, 0.0, 0.02])
def test_distances_and_pitch_follow_a_nod(pitch):
    seen = lambda k: found(boxes(PLACES, pitch if k >= 15 else 0.0))  # noqa: E731
    scene = list(drive(seen, 17))[-1]
    assert scene.road_pitch == pytest.approx(CAMERA.pitch + pitch, abs=0.003)
    np.testing.assert_allclose(scene.detections.road, PLACES, rtol=0.04, atol=0.1)


def test_a_lorry_is_told_by_the_road_within_a_second():
    lorry = boxes([(25, 2)], size=(3.5, 2.5))
    seen = lambda k: found(np.concatenate([lorry, boxes(PLACES)]))  # noqa: E731
    scene = list(drive(seen, 10))[-1]
    assert scene.detections.road[0, 0] == pytest.approx(25, rel=0.06)  # by its usual height it were 11


def test_a_slim_box_is_a_large_vehicle_at_once():
    """A lorry seen from behind is higher than wide, which no car is."""
    lorry = boxes([(50, 2)], size=(3.5, 2.5))
    seen = lambda k: found(np.concatenate([lorry, boxes(PLACES)]))  # noqa: E731
    scene = list(drive(seen, 4))[-1]
    assert scene.detections.road[0, 0] == pytest.approx(50, rel=0.16)


def test_the_shape_says_nothing_of_what_is_cut_or_seen_from_the_side():
    large, wide = np.array([[2.6, 0.28, 0.15]] * 3), np.array([1.0, 3.0, 1.0])
    box = np.column_stack([np.zeros((3, 2)), wide, np.full(3, 1.5)])
    cut = np.array([(False, False), (False, False), (True, False)])
    shaped = by_shape(large, box, cut)
    assert shaped[0, 2] > 0.85
    np.testing.assert_array_equal(shaped[1:], large[1:])


def test_the_speed_follows_a_lead_that_brakes_hard():
    """From 15 m/s with 6 m/s^2, while the own vehicle drives on: 2 s later the lead has 3 m/s."""
    gone = lambda t: 15 * t - 3 * max(t - 2, 0) ** 2  # noqa: E731
    seen = lambda k: found(boxes([(25 + gone(k / 10) - 15 * k / 10, 0), (40, -4)]))  # noqa: E731
    velocity = list(drive(seen, 41, ego=Ego(15.0, 0.0)))[-1].detections.velocity
    np.testing.assert_allclose(velocity[:, 0], (3, 15), atol=2.5)


def test_the_distance_keeps_what_was_learnt_of_a_track():
    seen = lambda k: found(boxes([*PLACES, (15 + k / 2, 0)]))  # noqa: E731
    last = list(drive(seen, 80))[-1].detections
    assert last.road[-1, 0] == pytest.approx(54.5, rel=0.05)


@pytest.mark.parametrize("speed", [0.0, 15.0])
def test_speed_is_that_over_ground(speed):
    seen = lambda k: found(boxes([(60 + (8 - speed) * k / 10, 2), (70 - speed * k / 10, -4)]))  # noqa: E731
    velocity = list(drive(seen, 30, ego=Ego(speed, 0.0)))[-1].detections.velocity
    np.testing.assert_allclose(velocity, [(8, 0), (0, 0)], atol=0.7)


def test_sigma_grows_with_distance_and_where_a_box_is_cut():
    near = boxes([(10, 0), (40, 0)])
    cut = np.array([(1200, 300, 1280, 500)], np.float32)
    sigma = list(drive(lambda k: found(np.concatenate([near, cut])), 20))[-1].detections.sigma_m
    assert sigma[0] < sigma[1] < 8
    assert sigma[2] > 0.3 * 7


def test_without_a_camera_nothing_is_told_and_without_speed_no_velocity():
    seen = lambda k: found(boxes(PLACES))  # noqa: E731
    blind, slow = (list(drive(seen, 9, camera=camera))[-1] for camera in (None, CAMERA))
    assert blind.detections.road is None
    assert blind.road_pitch is None
    assert np.isnan(slow.detections.velocity).all()


def test_lane_lines_tell_the_pitch_and_lie_on_the_road():
    lines = (line(300.0), line(980.0))  # they meet in row 345
    scene = list(drive(lambda k: found(boxes([])), 10, lanes=lambda k: lines))[-1]
    assert scene.road_pitch == pytest.approx(np.arctan((360 - 345) / 1000), abs=0.004)
    assert scene.lanes[0].road is not None


def bent(left, level, radius=250.0):
    """A line on a road that bends, `left` metres aside, in an image whose horizon is row `level`."""
    ahead = np.geomspace(6.0, 45.0, 24)
    y = left + ahead**2 / (2 * radius)
    image = np.stack([640 - 1000 * y / ahead, level + 1000 * 1.5 / ahead], 1)
    return LaneLine(image.astype(np.float32), None, 0.9, 1)


def test_lines_of_a_bend_and_a_crack_among_them_tell_the_pitch():
    crack = LaneLine(np.float32([(800 + 3 * k, 640 - 14 * k) for k in range(8)]), None, 0.9, 1)
    lines = (bent(5.4, 345.0), bent(1.8, 345.0), crack, bent(-1.8, 345.0))
    scene = list(drive(lambda k: found(boxes([])), 10, lanes=lambda k: lines))[-1]
    assert scene.road_pitch == pytest.approx(np.arctan((360 - 345) / 1000), abs=0.002)


def test_road_edges_tell_the_pitch_of_a_road_without_lines():
    edges = (line(300.0, kind=ROAD_EDGE), line(980.0, kind=ROAD_EDGE))
    scene = list(drive(lambda k: found(boxes([])), 10, lanes=lambda k: edges))[-1]
    assert scene.road_pitch == pytest.approx(np.arctan((360 - 345) / 1000), abs=0.004)


def test_a_kerb_round_a_corner_does_not_turn_the_pitch():
    corner = LaneLine(np.float32([(1250 - 30 * k, 560 - 8 * k) for k in range(12)]), None, 0.9, ROAD_EDGE)
    kerb = replace(bent(5.4, 345.0), kind=ROAD_EDGE)
    lines = (kerb, bent(1.8, 345.0), bent(-1.8, 345.0), corner)
    scene = list(drive(lambda k: found(boxes([])), 10, lanes=lambda k: lines))[-1]
    assert scene.road_pitch == pytest.approx(np.arctan((360 - 345) / 1000), abs=0.002)


def test_what_leaves_the_image_at_its_side_stays_where_it_stands():
    """A parked car beside the path, whose box ends near the border, does not come into the path."""

    def seen(k):
        box = boxes([(14 - 3 * k / 10, -2.4)], size=(1.53, 3.0))
        return found(np.clip(box, 0, (1265, 720, 1265, 720)).astype(np.float32))

    last = [scene.detections for scene in drive(seen, 34, ego=Ego(3.0, 0.0))][-1]
    assert last.road[0, 1] < -2.0
    np.testing.assert_allclose(last.velocity[0], 0, atol=0.4)


def test_long_without_anything_the_pitch_is_unknown():
    seen = lambda k: found(boxes(PLACES if k == 0 else []))  # noqa: E731
    pitches = [scene.road_pitch for scene in drive(seen, 30)]
    assert pitches[5] is not None
    assert pitches[-1] is None


def test_an_image_of_another_size_is_the_same_road():
    half = CAMERA.scaled((640, 360))
    seen = lambda k: found(boxes(PLACES, camera=half))  # noqa: E731
    road = list(drive(seen, 9, camera=half))[-1].detections.road
    np.testing.assert_allclose(road, PLACES, rtol=0.04, atol=0.1)


@pytest.mark.parametrize("seed", range(3))
def test_a_camera_that_looks_down_and_says_it_does_not_upsets_nothing(seed):
    """By 6 degrees: each box says that the others are of a height that nothing has. 10 Hz, pixel noise."""
    rng, stages, things = np.random.default_rng(seed), tracking(), []
    level = replace(CAMERA, pitch=0.0)
    plane = next(stage.plane for stage in stages if stage.name == "pitch")

    def seen(k):
        nonlocal things
        if rng.random() < 0.3:
            things.append((rng.uniform(20, 90), rng.choice([-3.5, 0, 3.5, 7, -7]), rng.uniform(-25, 5)))
        things = [(x + v / 10, y, v) for x, y, v in things if 4 < x + v / 10 < 100]
        return found(
            (boxes([(x, y) for x, y, _ in things], 0.07) + rng.normal(0, 1, (len(things), 4))).clip(0)
        )

    for scene in drive(seen, 120, ego=Ego(15.0, 0.0), camera=level, stages=stages):
        assert scene.road_pitch is None or np.isfinite(scene.road_pitch)
        logs = plane.x[HEAD : HEAD + 2 * plane.used[0] : 2]
        assert (np.abs(logs) <= MOST_LOG).all()

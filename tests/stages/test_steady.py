"""The drivable map over time: one frame alone changes nothing, and the road moves under the vehicle."""

from dataclasses import replace

import numpy as np
import pytest

from perception.camera import CameraModel
from perception.stages.steady import Steady, settled
from perception.types import ClassMap, Ego, Frame, Scene

SIZE, SHAPE = (640, 360), (90, 160)
CAMERA = CameraModel(SIZE, 500.0, 500.0, 320.0, 180.0, height=1.4, pitch=0.05)
IMAGE = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)


def given(maps, camera=None, ego=None, step=0.1):
    """What the stage makes of maps, one a frame."""
    stage, out = Steady(), []
    for k, labels in enumerate(maps):
        frame = Frame(IMAGE, round(k * step * 1e9), k, "", camera, ego)
        scene = stage(frame, Scene(k, frame.stamp_ns, SIZE, drivable=ClassMap(labels, SIZE)))
        out.append(scene.drivable.labels)
    return out


def random_maps(frames, seed=0):
    return [np.random.default_rng((seed, k)).integers(0, 2, SHAPE, dtype=np.uint8) for k in range(frames)]


def patch(k):
    """Free road, and a thing on it from frame `k` on."""
    free, blocked = np.ones(SHAPE, np.uint8), np.ones(SHAPE, np.uint8)
    blocked[60:70, 70:90] = 0
    return [free] * k + [blocked] * (6 - k)


def test_a_hole_of_one_frame_is_filled():
    maps = patch(3)
    assert all((x == 1).all() for x in given([*maps[:4], maps[0], maps[0]]))


def test_what_two_frames_say_is_taken():
    found = given(patch(3))
    assert (found[3] == 1).all()
    assert (found[4] == patch(3)[4]).all()


def test_no_place_flips_for_one_frame():
    found = given(random_maps(20))
    assert not any(((b != a) & (b != c)).any() for a, b, c in zip(found, found[1:], found[2:], strict=False))


def test_it_is_the_majority_of_three():
    maps = random_maps(3)
    first = given(maps)[1]
    assert (given(maps)[2] == np.where(maps[2] == maps[1], maps[2], first)).all()


def test_the_maps_of_the_network_stay_as_they_were():
    maps = random_maps(5)
    kept = [x.copy() for x in maps]
    given(maps)
    assert all((a == b).all() for a, b in zip(maps, kept, strict=True))


@pytest.mark.parametrize("shape", [(90, 160), (7, 9), (1, 3)])
def test_maps_of_any_size_are_the_majority_of_three(shape):
    now, seen, told = (np.random.default_rng(k).integers(0, 3, shape, dtype=np.uint8) for k in range(3))
    found = settled(now, seen, told, np.eye(3), 4.0, 4.0, np.inf)
    np.testing.assert_array_equal(found, np.where(now == seen, now, told))


def test_below_the_horizon_the_last_map_is_looked_up_where_the_road_was():
    """The road has moved by two cells to the right; what was outside of the image is looked up in place."""
    now, seen, told = (np.random.default_rng(k).integers(0, 2, (4, 11), dtype=np.uint8) for k in range(3))
    then = np.array([[1.0, 0.0, -8.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    found = settled(now, seen, told, then, 4.0, 4.0, 8.0)
    seen[2:, 2:], were = seen[2:, :-2].copy(), told.copy()
    were[2:, 2:] = told[2:, :-2]
    np.testing.assert_array_equal(found, np.where((now == told) | (now == seen), now, were))


def seen_at(ahead, turned):
    """Road between two kerbs beside a line that the vehicle has driven along, and left at an angle."""
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    pixels = np.stack([(columns + 0.5) * 4, (rows + 0.5) * 4], -1).reshape(-1, 2).astype(np.float64)
    x, y = CAMERA.to_road(pixels).T
    across = np.sin(turned) * x + np.cos(turned) * y
    along = ahead + np.cos(turned) * x - np.sin(turned) * y
    free = (np.abs(across) < 4) & ((along % 12 < 9) | (across < 2)) & (x < 40)
    return np.nan_to_num(free, nan=0).astype(np.uint8).reshape(SHAPE)


@pytest.mark.parametrize(("speed", "yaw_rate"), [(15.0, 0.0), (5.0, 0.3)], ids=["straight on", "turning"])
def test_the_road_is_followed_by_the_own_motion(speed, yaw_rate):
    """What is seen two frames in a row at one place of the road is there in both: nothing comes late."""
    maps = [seen_at(speed * k * 0.1, yaw_rate * k * 0.1) for k in range(6)]
    with_ego = given(maps, CAMERA, Ego(speed, yaw_rate))
    without = given(maps)
    late = [sum((a != b).sum() for a, b in zip(found, maps, strict=True)) for found in (with_ego, without)]
    assert late[0] < 0.5 * late[1]


def test_a_map_of_another_size_is_taken_as_it_is():
    maps = [np.zeros(SHAPE, np.uint8), np.ones((45, 80), np.uint8)]
    assert (given(maps)[1] == 1).all()


def test_after_a_reset_or_a_blank_image_everything_begins_anew():
    stage = Steady()
    for seq, (value, blank) in enumerate(((0, False), (0, True), (1, False))):
        labels = np.full(SHAPE, value, np.uint8)
        scene = Scene(seq, seq, SIZE, drivable=ClassMap(labels, SIZE), blank=blank)
        scene = stage(Frame(IMAGE, seq, seq), scene)
    assert (scene.drivable.labels == 1).all()
    assert stage(Frame(IMAGE, 9, 9), replace(scene, drivable=None)).drivable is None

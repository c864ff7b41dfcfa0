"""The renderer: what it promises about time, seeds and truth. Small images keep it quick."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from perception.synthetic import World, default_camera, random_camera

SIZE = (480, 288)
SEEDS = [1, 2, 4, 7, 11, 13]
seeds = pytest.mark.parametrize("seed", SEEDS)


def world(seed: int) -> World:
    return World(seed, random_camera(np.random.default_rng(seed), SIZE))


@pytest.fixture(scope="module")
def rendered():
    return {seed: world(seed).render(3.0) for seed in SEEDS}


def test_the_same_seed_and_time_give_the_same_bytes_in_any_order():
    first, second = world(5), world(5)
    second.render(8.0)
    for t in (1.0, 0.25):
        a, b = first.render(t), second.render(t)
        assert a.frame.image.tobytes() == b.frame.image.tobytes()
        assert a.truth.detections.xyxy.tobytes() == b.truth.detections.xyxy.tobytes()


def test_another_seed_is_another_drive(rendered):
    assert len({r.frame.image.tobytes() for r in rendered.values()}) == len(SEEDS)


@seeds
def test_the_frame_is_as_its_camera_says(seed, rendered):
    frame, truth = rendered[seed].frame, rendered[seed].truth
    assert frame.size == truth.size == frame.camera.size == SIZE
    assert frame.image.dtype == np.uint8
    assert (frame.seq, frame.stamp_ns) == (truth.seq, truth.stamp_ns) == (60, 3_000_000_000)


@seeds
def test_lane_points_in_pixels_and_in_metres_are_the_same_points(seed, rendered):
    for line in rendered[seed].truth.lanes:
        metres = rendered[seed].frame.camera.to_road(line.image)
        assert np.linalg.norm(metres - line.road, axis=1).max() < 0.01


@seeds
def test_lane_lines_run_from_near_to_far_inside_the_image(seed, rendered):
    for line in rendered[seed].truth.lanes:
        assert (np.diff(line.road[:, 0]) > 0).all()
        assert (line.image >= 0).all()
        assert (line.image < SIZE).all()
        assert line.kind in (1, 2, 4)


@seeds
def test_lane_lines_are_sorted_from_left_to_right(seed, rendered):
    """Of two lines that are both there at some distance ahead, the first is the left one."""
    lanes = rendered[seed].truth.lanes
    for a, b in itertools.pairwise(lanes):
        near, far = max(a.road[0, 0], b.road[0, 0]), min(a.road[-1, 0], b.road[-1, 0])
        if near < far:
            assert np.interp(near, *a.road.T) > np.interp(near, *b.road.T)


def painted_share(r, line) -> float:
    """Of the points of a line 4 to 25 m ahead."""
    near = line.image[(line.road[:, 0] > 4) & (line.road[:, 0] < 25)].astype(int)
    return float(r.paint[near[:, 1], near[:, 0]].mean()) if len(near) else float("nan")


def test_solid_lines_are_painted_throughout_and_dashed_ones_in_part(rendered):
    shares = {1: [], 2: [], 4: []}
    for r in rendered.values():
        for line in r.truth.lanes:
            if np.isfinite(share := painted_share(r, line)):
                shares[line.kind].append(share)
    assert np.median(shares[1]) > 0.9
    assert 0.1 < np.median(shares[2]) < 0.7
    assert np.median(shares[4]) < 0.1


def test_paint_is_where_the_image_is_bright(rendered):
    """Shifted by a few pixels the mask must lie on darker ground: image and truth are one geometry."""
    gains = []
    for r in rendered.values():
        grey = r.frame.image.mean(2)
        beside = np.roll(r.paint, 9, axis=1) & ~r.paint & (r.truth.drivable.labels == 1)
        gains.append(grey[r.paint].mean() / grey[beside].mean())
    assert np.median(gains) > 1.2


@seeds
def test_paint_lies_on_the_carriageway(seed, rendered):
    r = rendered[seed]
    assert (r.truth.drivable.labels[r.paint] == 1).mean() > 0.97


@seeds
def test_no_object_is_drivable(seed, rendered):
    r = rendered[seed]
    for box in r.truth.detections.xyxy[r.truth.detections.class_id == 0].astype(int):
        x1, y1, x2, y2 = box
        inner = r.truth.drivable.labels[
            (2 * y1 + y2) // 3 : (y1 + 2 * y2) // 3, (2 * x1 + x2) // 3 : (x1 + 2 * x2) // 3
        ]
        assert inner.size == 0 or inner.mean() < 0.2


@seeds
def test_the_lane_ahead_is_drivable_unless_something_stands_there(seed, rendered):
    r = rendered[seed]
    x, y = r.frame.camera.project(np.array([7.0, 0.0, 0.0])).astype(int)
    assert 0 <= x < SIZE[0]
    taken = [b for b in (*r.truth.detections.xyxy, *r.ignored) if b[0] <= x < b[2] and b[1] <= y < b[3]]
    assert y >= SIZE[1] or taken or r.truth.drivable.labels[y, x] == 1


@seeds
def test_boxes_are_inside_the_image_and_not_tiny(seed, rendered):
    found = rendered[seed].truth.detections
    assert (found.xyxy >= 0).all()
    assert (found.xyxy <= np.tile(SIZE, 2)).all()
    assert ((found.xyxy[:, 2:] - found.xyxy[:, :2]).max(1) >= 6).all()


@seeds
def test_every_sign_is_a_detection_with_a_class(seed, rendered):
    truth = rendered[seed].truth
    boxes = truth.detections.xyxy[truth.detections.class_id == 5]
    np.testing.assert_array_equal(boxes, truth.signs.xyxy)
    assert ((truth.signs.class_id >= 0) & (truth.signs.class_id < 43)).all()


def test_what_cannot_be_rendered_is_refused():
    with pytest.raises(ValueError, match="without distortion"):
        World(0, replace(default_camera(), distortion=(-0.1, 0.0, 0.0, 0.0, 0.0)))
    with pytest.raises(ValueError, match="seed >= 0"):
        World(-1)


def test_all_classes_and_all_kinds_of_line_occur():
    classes, kinds = set(), set()
    for seed in range(20, 44):
        truth = World(seed, default_camera((240, 136))).render(0.0).truth
        classes |= set(truth.detections.class_id.tolist())
        kinds |= {line.kind for line in truth.lanes}
    assert classes == set(range(6))
    assert kinds == {1, 2, 4}


def test_a_drive_moves_smoothly():
    drive = world(2)
    near = [drive.render(k / 20).frame.image.astype(float).mean((0, 1)) for k in range(4)]
    assert np.abs(np.diff(near, axis=0)).max() < 6
    s = [drive.pose(k / 20)[0] for k in range(4)]
    np.testing.assert_allclose(np.diff(s), drive.speed / 20)

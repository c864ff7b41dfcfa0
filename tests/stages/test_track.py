"""The same object keeps its number, whatever the rate; nothing is invented."""

import numpy as np
import pytest

from perception.types import Detections, Ego, Frame, Scene
from tests.stages.drives import CAMERA, IMAGE, SIZE, boxes, drive, found, tracking


def oncoming(rate):
    """Of two cars that come at 10 and 20 m/s, and one that stands."""
    return lambda k: found(boxes([(60 - 10 * k / rate, 3), (70 - 20 * k / rate, 7), (30, -4)]))


def numbers(scenes):
    return [sorted(scene.detections.track.tolist()) for scene in scenes]


@pytest.mark.parametrize("rate", [2, 10, 30])
def test_numbers_stay_at_any_rate(rate):
    assert {tuple(seen) for seen in numbers(drive(oncoming(rate), 2 * rate, rate))} == {(0, 1, 2)}


@pytest.mark.parametrize("camera", [None])
def test_numbers_stay_without_a_camera(camera):
    assert {tuple(seen) for seen in numbers(drive(oncoming(10), 20, camera=camera))} == {(0, 1, 2)}


def test_what_stands_is_expected_where_the_own_motion_takes_it():
    seen = lambda k: found(boxes([(50 - 10 * k, 4), (80 - 10 * k, 4)]))  # noqa: E731
    assert numbers(drive(seen, 4, 2, Ego(20.0, 0.0)))[-1] == [0, 1]


def test_what_stands_does_not_move_while_the_yaw_rate_grows():
    """Between two frames the vehicle turns by the mean of both rates."""
    stages, rate = tracking(), lambda k: 0.02 * k
    for k in range(16):
        turned = sum((rate(n) + rate(n + 1)) / 20 for n in range(k))
        place = (40 * np.cos(turned), -40 * np.sin(turned))
        frame = Frame(IMAGE, k * 10**8, k, "", CAMERA, Ego(0.0, rate(k)))
        scene = Scene(k, frame.stamp_ns, frame.size, found(boxes([place])))
        for stage in stages:
            scene = stage(frame, scene)
    assert np.abs(scene.detections.velocity).max() < 0.15


@pytest.mark.parametrize(
    "known",
    [lambda k: True, lambda k: k >= 60, lambda k: not 60 <= k < 70, lambda k: not 60 <= k < 90],
    ids=["always", "from 3 s", "but for 0.5 s", "but for 1.5 s"],
)
def test_what_drives_as_we_do_stays_ahead_whenever_the_own_motion_is_known(known):
    """Own motion that begins or drops out must not make the lead stand, nor warn of it."""
    rng = np.random.default_rng(0)
    seen = lambda k: found(boxes([(25, 0), (35, 3.5), (30, -3.5)]) + rng.normal(0, 0.5, (3, 4)))  # noqa: E731
    ego = lambda k: Ego(25.0, 0.0) if known(k) else None  # noqa: E731
    scenes = list(drive(seen, 160, 20, ego))[20:]
    assert {event.name for scene in scenes for event in scene.events} <= {"lead", "headway"}
    lead = [scene.detections for scene in scenes]
    assert all(one.track.tolist()[0] == 0 for one in lead)
    np.testing.assert_allclose([one.road[0, 0] for one in lead], 25, rtol=0.08)
    speeds = [one.velocity[0, 0] for k, one in enumerate(lead, 20) if known(k)]
    np.testing.assert_allclose([v for v in speeds if np.isfinite(v)], 25, atol=2.5)


def test_an_object_out_of_sight_is_shown_briefly_and_found_again():
    seen = lambda k: found(boxes([(20, 0)] if not 5 <= k < 15 else []))  # noqa: E731
    scenes = list(drive(seen, 20))
    ages = [scene.detections.age_ms.tolist() for scene in scenes]
    assert ages[5:10] == [[100], [200], [300], [], []]
    assert scenes[-1].detections.track.tolist() == [0]
    np.testing.assert_allclose(scenes[6].detections.xyxy, boxes([(20, 0)]), atol=3)


def test_a_single_unsure_box_is_no_track():
    scenes = list(drive(lambda k: found(boxes([(20, 0)] if k == 3 else []), score=0.6), 6))
    assert scenes[3].detections.track.tolist() == [-1]
    assert len(scenes[4].detections) == 0


def test_the_class_is_voted():
    seen = lambda k: found(boxes([(20, 0)]), class_id=int(k == 5))  # noqa: E731
    assert {int(scene.detections.class_id[0]) for scene in drive(seen, 8)} == {0}


def test_numbers_never_repeat_after_a_reset():
    stages = tracking()
    first = numbers(drive(oncoming(10), 3, stages=stages))
    for stage in stages:
        stage.reset()
    assert numbers(drive(oncoming(10), 3, stages=stages))[-1] == [3, 4, 5] != first[-1]


def test_two_runs_are_equal():
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 2, (30, 3, 4)).astype(np.float32)
    seen = lambda k: found(oncoming(10)(k).xyxy + noise[k])  # noqa: E731
    runs = [[s.detections for s in drive(seen, 30, ego=Ego(1.0, 0.01))] for _ in range(2)]
    for a, b in zip(*runs, strict=True):
        for name in ("xyxy", "track", "road", "sigma_m", "velocity"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))


def test_a_box_that_is_not_finite_is_left_out():
    seen = lambda k: found(np.concatenate([boxes([(20, 0)]), np.full((1, 4), np.nan, np.float32)]))  # noqa: E731
    assert {len(scene.detections) for scene in drive(seen, 4)} == {1}


def test_stamps_that_stand_still_and_no_boxes_are_borne():
    nothing = Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32))
    scenes = list(drive(lambda k: nothing if k % 2 else oncoming(10)(0), 6, rate=1e12))
    assert scenes[-2].detections.track.tolist() == [0, 1, 2]


def test_hundreds_of_boxes_do_not_outgrow_the_book():
    rng = np.random.default_rng(1)
    corner = rng.uniform(0, 500, (300, 2))
    xyxy = np.concatenate([corner, corner + 40], 1).astype(np.float32)
    scene = list(drive(lambda k: found(xyxy), 3))[-1]
    assert len(scene.detections) == 300
    assert np.isfinite(scene.detections.road).all()


def test_an_unseen_box_lies_in_the_image():
    seen = lambda k: found(boxes([(8 - 0.5 * k, 3)] if k < 6 else []))  # noqa: E731
    for scene in drive(seen, 9):
        assert (scene.detections.xyxy <= np.array([*SIZE, *SIZE])).all() or scene.seq < 6

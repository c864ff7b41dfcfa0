"""The mount of the camera, learnt from points that move, lines that meet, and kept for the next start."""

import json
from dataclasses import replace

import cv2
import numpy as np
import pytest

from perception.camera import CameraModel
from perception.errors import PerceptionError
from perception.stages import ready
from perception.stages.level import level_of
from perception.stages.mount import Mounting
from perception.stages.mount.belief import DEGREE, Belief
from perception.stages.mount.evidence import angles, focus_of
from perception.stages.mount.meeting import meeting
from perception.stages.mount.store import Saved, Store, lens_of
from perception.stages.mount.travel import road_under, travelled
from perception.types import Ego, Frame, Mount, Scene
from tests.stages.drives import CAMERA, IMAGE

TRUE = replace(CAMERA, pitch=0.04, yaw=-0.02, roll=0.01)
PIXEL = 1 / CAMERA.fx


def points(rng, n=120):
    """(n, 3) things beside and on the road, vehicle metres."""
    ahead, aside = rng.uniform(8, 60, n), rng.uniform(-15, 15, n)
    return np.column_stack([ahead, aside, np.where(np.arange(n) % 3 == 0, rng.uniform(0, 6, n), 0.0)])


def motion(rng, camera=TRUE, way=0.8, turn=0.0, noise=0.3, astray=0.1):
    """Rays (n, 2) before and after the vehicle went `way` metres and turned left; some points go astray."""
    at = points(rng)
    cos, sin = np.cos(turn), np.sin(turn)
    then = (at - (way, 0, 0)) @ np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    p, q = camera.project(at), camera.project(then)
    q = q + rng.normal(0, noise, q.shape) + rng.normal(0, 30, q.shape) * (rng.random((len(q), 1)) < astray)
    kept = np.isfinite(p + q).all(1)
    return camera.rays(p[kept]), camera.rays(q[kept])


def travel(rng, turn=0.0, **how):
    p, q = motion(rng, turn=turn, **how)
    return p, travelled(
        p, q, np.array([-0.01, -0.05]), np.zeros(3), np.array([0.005, 0.01, 0.003]), 0.2 * PIXEL
    )


def lines(camera=TRUE, curve=0.0, offsets=(-1.7, 1.8, 5.3)):
    """Rays (n, 2) of lane lines, and where each begins."""
    x = np.linspace(6, 45, 24)
    road = [np.column_stack([x, d + curve * x * x / 2, 0 * x]) for d in offsets]
    return np.concatenate([camera.rays(camera.project(r)) for r in road]), np.arange(len(offsets) + 1) * 24


@pytest.mark.parametrize("turn", [0.0, 0.003])
def test_the_focus_of_moving_points_is_where_the_camera_travels_to(turn):
    found = [travel(np.random.default_rng(k), turn)[1] for k in range(20)]
    pitch, yaw = np.median([angles(told.focus, TRUE.roll) for told in found], 0)
    assert abs(pitch - TRUE.pitch) < 0.1 * DEGREE
    assert abs(yaw - TRUE.yaw - turn / 2) < 0.25 * DEGREE


def test_the_focus_is_as_sure_as_it_says():
    told = [travel(np.random.default_rng(k))[1] for k in range(60)]
    off = np.array([angles(t.focus, TRUE.roll) for t in told]) - (TRUE.pitch, TRUE.yaw)
    sigma = np.sqrt([(t.cov[1, 1], t.cov[0, 0]) for t in told])
    assert 0.4 < np.median(np.abs(off / sigma)) < 1.2


def test_the_road_under_the_points_tells_roll_and_height():
    told = []
    for k in range(20):
        p, t = travel(np.random.default_rng(k))
        told.append(road_under(p, t.near, t.weight, t.focus, 4.0)[:2])
    roll, way = np.median(told, 0)
    assert abs(roll - TRUE.roll) < 0.5 * DEGREE
    assert abs(0.8 / way / TRUE.height - 1) < 0.05


@pytest.mark.parametrize("curve", [0.0, 1 / 1500, -1 / 600])
def test_parallel_lines_meet_in_the_direction_of_the_road(curve):
    met, var, own = meeting(*lines(replace(TRUE, roll=0.0), curve), np.zeros(2), PIXEL)
    pitch, yaw = angles(met, 0.0)
    assert abs(pitch - TRUE.pitch) < 0.1 * DEGREE
    assert abs(yaw - TRUE.yaw) < 0.25 * DEGREE
    assert (np.sqrt(var) < DEGREE).all()
    assert np.allclose(own, (1.7 / 1.5, -1.8 / 1.5, -5.3 / 1.5), atol=0.1)


def test_one_line_tells_no_direction():
    assert np.isinf(meeting(*lines(offsets=(1.8,)), np.zeros(2), PIXEL)[1]).all()


def learnt(seconds, truth=lambda t: (0.04, -0.02), seed=1, belief=None, rate=1.0, noise=0.35 * DEGREE):
    """A belief told by motion once a second; yields seconds and what moved."""
    rng = np.random.default_rng(seed)
    belief = belief or Belief(CAMERA)
    said = []
    for t in np.arange(0, seconds, 1 / rate):
        belief.later(1 / rate)
        pitch, yaw = np.array(truth(t)) + rng.normal(0, noise, 2) * (1 + 8 * (rng.random() < 0.03))
        belief.told("motion", (pitch, noise**2), (yaw, noise**2))
        if belief.settle() is not None:
            said.append(t)
    return belief, said


def test_a_belief_is_calibrated_after_25_seconds_and_right():
    belief, said = learnt(25)
    assert belief.calibrated
    assert not said
    for guess, truth in zip(belief.numbers, (0.04, -0.02), strict=False):
        assert abs(guess.mean - truth) < 0.15 * DEGREE


@pytest.mark.parametrize("seed", range(4))
def test_a_knock_is_said_within_30_seconds_and_learnt_again(seed):
    knock = 1.5 * DEGREE
    belief, said = learnt(200, lambda t: (0.04 + knock * (t > 120), -0.02), seed)
    assert len(said) == 1
    assert 120 < said[0] < 150
    assert belief.calibrated
    assert abs(belief.numbers[0].mean - 0.04 - knock) < 0.15 * DEGREE


def test_a_knock_on_a_country_road_is_said_as_soon():
    """Slopes and straights repeat: measurements are so weak that the first estimate follows slowly, too."""
    belief, said, rng = Belief(CAMERA), [], np.random.default_rng(0)
    for k in range(700):  # tenths of a second
        belief.later(0.1)
        pitch = CAMERA.pitch + 1.5 * DEGREE * (k > 350)
        for by, every, sigma in (("motion", 30, 0.33 * DEGREE), ("lines", 5, 1.2 * DEGREE)):
            if k % every == 0:
                told = (pitch + rng.normal(0, 0.3 * DEGREE), sigma**2)
                belief.told(by, told, (CAMERA.yaw, sigma**2))
        if belief.settle() is not None:
            said.append(k / 10)
    assert len(said) == 1
    assert 35 < said[0] < 50


@pytest.mark.parametrize("seed", range(4))
def test_no_knock_is_said_in_undisturbed_hours(seed):
    assert learnt(7200, seed=seed)[1] == []


def frame(k, camera=CAMERA, seconds=None):
    return Frame(IMAGE, int((k / 10 if seconds is None else seconds) * 1e9), k, "", camera)


def scene(k=0):
    return Scene(k, 0, (1280, 720))


def test_without_a_camera_nothing_is_said_and_without_evidence_nothing_is_known():
    stage = Mounting()
    assert stage(frame(0, None), scene()).mount is None
    told = stage(frame(1), scene()).mount
    assert (told.state, told.pitch, told.yaw, told.roll, told.height) == ("unknown", None, None, None, None)


def test_minutes_without_evidence_are_said_once(caplog):
    stage = Mounting()
    for k in range(40):
        stage(frame(k, seconds=10.0 * k), scene())
    assert [r.message for r in caplog.records] == ["mount: no lane line and no motion has told it for 120 s"]


def test_what_is_not_known_any_more_is_none():
    belief, _ = learnt(30)
    stage = Mounting()
    stage.belief = belief
    assert stage(frame(0), scene()).mount.state == "calibrated"
    for k in range(1, 120):
        told = stage(frame(k, seconds=60.0 * k), scene()).mount
    assert (told.state, told.pitch, told.yaw) == ("converging", None, None)


def test_stages_after_it_use_the_angles_that_are_known():
    known = Mount("calibrated", 0.04, None, None, None)
    level = level_of(frame(0), replace(scene(), mount=known))
    assert (level.camera.pitch, level.camera.yaw) == (0.04, CAMERA.yaw)


def kept(path, belief=None):
    stage = Mounting()
    stage.keep_in(path)
    if belief is not None:
        stage.belief = belief
    return stage


def test_a_mount_is_saved_and_taken_up(tmp_path, caplog):
    caplog.set_level("INFO")
    path = tmp_path / "mount.json"
    kept(path, learnt(30)[0])(frame(0), scene())
    told = kept(path)(frame(0), scene()).mount
    assert told.state == "converging"
    assert abs(told.pitch - 0.04) < 0.15 * DEGREE
    assert "0.0 hours ago" in caplog.text


def test_the_mount_of_another_camera_is_not_taken_up(tmp_path, caplog):
    path = tmp_path / "mount.json"
    Store(path).save(Saved(lens_of(CAMERA), 0.04, -0.02, None, None, 0.0))
    told = kept(path)(frame(0, replace(CAMERA, fx=1200.0)), scene()).mount
    assert told.state == "unknown"
    assert "another camera" in caplog.text


def test_another_file_is_refused_and_stays(tmp_path):
    path = tmp_path / "camera.json"
    CAMERA.save(path)
    with pytest.raises(PerceptionError, match="expected a mount that was saved"):
        ready(["mount"], [], path)
    assert CameraModel.load(path) == CAMERA


@pytest.mark.parametrize(
    ("name", "value"),
    [("pitch", None), ("yaw", None), ("learnt", None), ("pitch", 90.0), ("yaw", 5.0), ("height", 0.0)],
)
def test_only_what_a_mount_can_be_is_taken_up(tmp_path, name, value):
    path = tmp_path / "mount.json"
    Store(path).save(Saved(lens_of(CAMERA), 0.04, -0.02, None, None, 1.0))
    assert Store(path).saved.height is None
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    with pytest.raises(PerceptionError, match="expected a mount that was saved"):
        Store(path)


def test_a_file_without_the_stage_is_refused(tmp_path):
    with pytest.raises(PerceptionError, match="expected the stage mount to run"):
        ready([], [], tmp_path / "mount.json")


def test_where_the_vehicle_goes_and_the_angles_are_inverse():
    belief = Belief(TRUE)
    assert np.allclose(angles(focus_of(belief), TRUE.roll), (TRUE.pitch, TRUE.yaw))


def dots(at, way):
    """A picture of points, seen after the vehicle went `way` metres straight on."""
    picture = np.full((720, 1280, 3), 90, np.uint8)
    ahead = (at - (way, 0, 0))[at[:, 0] - way > 4]
    for x, y in TRUE.project(ahead):
        if -9 < x < 1290 and -9 < y < 730:
            cv2.circle(picture, (round(16 * x), round(16 * y)), 80, (230, 230, 230), -1, cv2.LINE_AA, 4)
    return picture


def driven(seconds, upside_down=False, ego=None, speed=12.0, tall=3.0):
    """The last mount of a stage that saw a drive past points, at 20 pictures a second."""
    rng, stage, told = np.random.default_rng(2), Mounting(), []
    ahead, aside = (
        rng.uniform(0, 60 + 12 * seconds, 40 * (seconds + 6)),
        rng.uniform(2, 14, 40 * (seconds + 6)),
    )
    at = np.column_stack(
        [ahead, aside * rng.choice((-1, 1), len(ahead)), rng.choice((0, 0, tall), len(ahead))]
    )
    for k in range(20 * seconds):
        picture = dots(at, k / 20 * speed) if k % 20 < 2 else IMAGE
        picture = picture[::-1, ::-1].copy() if upside_down else picture
        seen = Frame(picture, k * 50_000_000, k, "", CAMERA, ego)
        told.append(stage(seen, scene(k)).mount)
    return told[-1]


def test_a_drive_past_points_calibrates_within_25_seconds():
    told = driven(25)
    assert told.state == "calibrated"
    assert abs(told.pitch - TRUE.pitch) < 0.15 * DEGREE
    assert abs(told.yaw - TRUE.yaw) < 0.15 * DEGREE


def test_with_the_own_speed_the_height_is_known():
    told = driven(25, ego=Ego(12.0, 0.0))
    assert abs(told.height / TRUE.height - 1) < 0.08


def test_a_picture_upside_down_is_said_and_nothing_is_known(caplog):
    told = driven(25, upside_down=True, tall=0.0)
    assert (told.state, told.pitch, told.yaw, told.sigma) == ("unknown", None, None, {})
    assert "upside down" in caplog.text


def test_an_own_speed_that_contradicts_the_picture_is_said_and_not_used(caplog):
    told = driven(25, ego=Ego(0.0, 0.0))
    assert told.state == "calibrated"
    assert "the own motion is not used" in caplog.text


def test_after_a_reset_nothing_is_known():
    stage = Mounting()
    stage.belief = learnt(30)[0]
    stage.belief.camera = CAMERA
    assert stage(frame(0), scene()).mount.state == "calibrated"
    stage.reset()
    assert stage(frame(0), scene()).mount.state == "unknown"


@pytest.mark.parametrize("size", [(1, 1), (20, 200), (64, 48)])
def test_pictures_of_any_size_are_borne(size):
    stage = Mounting()
    for k in range(45):
        image = np.full((*size[::-1], 3), k, np.uint8)
        camera = CameraModel(size, float(max(size)), float(max(size)), size[0] / 2, size[1] / 2)
        told = stage(Frame(image, k * 50_000_000, k, "", camera), scene(k)).mount
    assert told.state == "unknown"

"""The camera: signs of its angles against plain geometry, everything else by round trips."""

from dataclasses import replace

import numpy as np
import pytest

from perception.camera import CameraModel
from perception.errors import PerceptionError

LENS = (-0.3, 0.12, 0.001, -0.0008, -0.02)
CAMERAS = [
    CameraModel((1280, 720), 1100, 1100, 640, 360),
    CameraModel((640, 384), 500, 510, 330, 180, height=2.1, pitch=0.1, roll=-0.03, yaw=0.05),
    CameraModel((1280, 720), 900, 905, 650, 350, distortion=LENS, height=1.3, pitch=0.04, roll=0.01),
]
cameras = pytest.mark.parametrize("camera", CAMERAS)


@cameras
def test_road_points_survive_a_round_trip(camera):
    road = np.random.default_rng(0).uniform((4, -3), (60, 3), (50, 2))
    image = camera.project(np.column_stack([road, np.zeros(50)]))
    np.testing.assert_allclose(camera.to_road(image), road, atol=1e-3)


@cameras
def test_pixels_survive_a_round_trip(camera):
    w, h = camera.size
    pixels = np.random.default_rng(1).uniform((0, 0.7 * h), (w, h), (4, 25, 2))
    road = camera.to_road(pixels)
    back = camera.project(np.concatenate([road, np.zeros((4, 25, 1))], -1))
    np.testing.assert_allclose(back, pixels, atol=1e-3)


@cameras
def test_one_point_is_like_many(camera):
    one, many = np.array([20.0, 1.0, 0.5]), np.array([[[20.0, 1.0, 0.5]]])
    image = camera.project(one)
    np.testing.assert_array_equal(image, camera.project(many)[0, 0])
    np.testing.assert_array_equal(camera.to_road(image), camera.to_road(image[None, None])[0, 0])


@cameras
def test_no_points_are_no_special_case(camera):
    assert camera.project(np.empty((0, 3))).shape == (0, 2)
    assert camera.to_road(np.empty((0, 2))).shape == (0, 2)


def test_a_level_camera_by_similar_triangles():
    camera = CameraModel((1000, 600), 500, 500, 500, 300, height=1.5)
    np.testing.assert_allclose(
        camera.project(np.array([10.0, 2.0, 0.0])), [500 - 500 * 0.2, 300 + 500 * 0.15]
    )


@pytest.mark.parametrize(
    ("angle", "axis", "sign"),
    [("pitch", 1, -1), ("yaw", 0, 1)],
    ids=["looks down: rises", "looks left: moves right"],
)
def test_what_is_ahead_moves_against_the_camera(angle, axis, sign):
    level = CameraModel((1000, 600), 500, 500, 500, 300)
    ahead = np.array([20.0, 0.0, level.height])
    moved = replace(level, **{angle: 0.1}).project(ahead) - level.project(ahead)
    np.testing.assert_allclose(moved[axis], sign * 500 * np.tan(0.1))


def test_with_the_right_side_lower_the_horizon_climbs_to_the_right():
    camera = CameraModel((1000, 600), 500, 500, 500, 300, roll=0.1)
    left, right = camera.project(np.array([(100.0, 50, camera.height), (100.0, -50, camera.height)]))
    assert right[1] < left[1]


@cameras
def test_nothing_behind_the_camera_or_above_the_horizon(camera):
    assert np.isnan(camera.project(np.array([-5.0, 0, 0]))).all()
    assert np.isnan(camera.to_road(np.array([camera.cx, -200.0]))).all()


def test_distortion_is_the_one_of_opencv():
    import cv2

    camera, rng = CAMERAS[2], np.random.default_rng(2)
    points = rng.uniform((5, -2, 0), (40, 2, 2), (20, 3))
    rotation = camera.camera_from_vehicle
    shift = -rotation @ (0, 0, camera.height)
    expected, _ = cv2.projectPoints(points, cv2.Rodrigues(rotation)[0], shift, camera.matrix, np.array(LENS))
    np.testing.assert_allclose(camera.project(points), expected[:, 0], atol=1e-6)


@pytest.mark.parametrize("bends", [(0.6, 0.2, 0.0, 0.0, 0.0), (0.6, 0.2, 0.01, -0.02, 0.0)])
def test_a_strong_pincushion_is_undone_in_the_whole_image(bends):
    camera = CameraModel((1280, 720), 500, 500, 640, 360, distortion=bends)
    pixels = np.stack(np.meshgrid(np.linspace(0, 1280, 65), np.linspace(0, 720, 37)), -1)
    np.testing.assert_allclose(camera.image_of(camera.rays(pixels)), pixels, atol=1e-6)


FISHEYE = replace(CAMERAS[0], distortion=(0.05, -0.01, 0.004, -0.001, 0.0), lens="fisheye")


def test_a_fisheye_is_the_one_of_opencv():
    import cv2

    rng = np.random.default_rng(2)
    points = rng.uniform((2, -10, -1), (40, 10, 3), (50, 3))
    rotation = FISHEYE.camera_from_vehicle
    shift = -rotation @ (0, 0, FISHEYE.height)
    turn, bends = cv2.Rodrigues(rotation)[0], np.array(FISHEYE.distortion[:4])
    expected, _ = cv2.fisheye.projectPoints(points[:, None], turn, shift, FISHEYE.matrix, bends)
    np.testing.assert_allclose(FISHEYE.project(points), expected[:, 0], atol=1e-6)


def test_a_fisheye_sees_the_road_where_it_projects_it():
    road = np.array([[3.0, 8.0], [5.0, -9.0], [30.0, 1.0]])
    image = FISHEYE.project(np.concatenate([road, np.zeros((3, 1))], 1))
    np.testing.assert_allclose(FISHEYE.to_road(image), road, atol=1e-6)


def test_a_lens_does_not_fold_the_far_side_into_the_image():
    camera = replace(CAMERAS[2], distortion=(-0.3, 0.0, 0.0, 0.0, 0.0))
    wide = camera.project(np.array([[1.0, y, 1.0] for y in (0.5, 2.0, 4.0)]))
    assert np.isfinite(wide[0]).all()
    assert np.isnan(wide[1:]).all()


@cameras
def test_a_resized_image_shows_the_same_road(camera):
    half = camera.scaled((camera.size[0] // 2, camera.size[1] // 2))
    points = np.array([[12.0, -2.0, 0.0], [40.0, 3.0, 1.0]])
    np.testing.assert_allclose(half.project(points), camera.project(points) / 2)


def test_a_part_of_an_image_is_no_resized_image():
    with pytest.raises(PerceptionError, match="expected frames of the camera's shape, 1280 x 720, got 480 x"):
        CameraModel((1280, 720), 1000, 1000, 640, 360).scaled((480, 360))


@cameras
def test_a_saved_camera_loads_as_the_same(camera, tmp_path):
    camera.save(tmp_path / "camera.json")
    assert CameraModel.load(tmp_path / "camera.json") == camera


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        "{}",
        '{"size": [640, 384], "fx": 1, "fy": 1, "cx": 0, "cy": 0, "zoom": 2}',
        '{"size": [640, 384], "fx": -1, "fy": 1, "cx": 0, "cy": 0}',
        '{"size": [640, 384], "fx": NaN, "fy": 1, "cx": 0, "cy": 0}',
        '{"size": [640, 384], "fx": 1, "fy": 1, "cx": 0, "cy": 0, "distortion": [0.1]}',
        '{"size": [640, 384], "fx": "1", "fy": 1, "cx": 0, "cy": 0}',
    ],
)
def test_a_bad_file_says_what_was_expected(text, tmp_path):
    path = tmp_path / "camera.json"
    path.write_text(text)
    with pytest.raises(PerceptionError, match=r"camera\.json: expected a camera as JSON"):
        CameraModel.load(path)


def test_missing_and_unwritable_files_are_named(tmp_path):
    with pytest.raises(PerceptionError, match="nowhere"):
        CameraModel.load(tmp_path / "nowhere.json")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(PerceptionError, match="expected to write it"):
        CAMERAS[0].save(tmp_path / "file" / "camera.json")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"height": 140.0}, "a height of 0.05 to 20 metres, got 140"),
        ({"height": 0.0}, "a height of 0.05 to 20 metres, got 0"),
        ({"pitch": 3.0}, "expected radians, a pitch of at most 1.5, got pitch 3"),
        ({"yaw": -90.0}, "yaw -90; were they degrees"),
    ],
)
def test_centimetres_and_degrees_are_refused(change, says):
    with pytest.raises(ValueError, match=says):
        CameraModel((1000, 600), 500, 500, 500, 300, **change)


def test_a_camera_of_arrays_or_lists_is_that_of_tuples():
    """OpenCV's calibration gives arrays. Cameras are keys of caches."""
    numbers = (1000.0, 1000.0, 640.0, 360.0)
    plain = CameraModel((1280, 720), *numbers, distortion=(-0.1, 0.0, 0.0, 0.0, 0.0))
    for kind in (np.array, list):
        made = CameraModel(kind([1280, 720]), *numbers, distortion=kind([-0.1, 0, 0, 0, 0]))
        assert (made, hash(made)) == (plain, hash(plain))
    assert CameraModel((1280, 720), *numbers, distortion=np.array([[-0.1, 0, 0, 0, 0]])) == plain
    with pytest.raises(ValueError, match="size must be 2, distortion 5 numbers"):
        CameraModel((1280, None), *numbers)

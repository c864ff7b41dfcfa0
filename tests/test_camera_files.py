"""Cameras in the formats of others: excerpts of real files, and what is wrong with a file."""

from dataclasses import replace

import pytest

from perception.camera import FISHEYE, PINHOLE, CameraModel
from perception.camera_files import read_camera, write_camera
from perception.errors import PerceptionError

CAMERA = CameraModel(
    (1280, 720), 1156.0, 1150.0, 671.5, 389.0, (-0.25, 0.03, -0.001, 0.0005, -0.1), 1.3, 0.05
)

# kodak.yaml of a Kodak PIXPRO SP360, as written by ROS's camera_calibration and published with its driver.
KODAK = """image_width: 1440
image_height: 1440
camera_name: kodak
camera_matrix:
  rows: 3
  cols: 3
  data: [559.7772332675477, 0, 654.6891822497959, 0, 537.9001480261843, 757.5374958985061, 0, 0, 1]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [-0.1710342568253523, 0.01562344385534763, -0.006842079559350427, 0.005880933792022186, 0]
"""

# What `ros2 topic echo /camera_info` prints for the camera of D-Robotics' RDK documentation, in part:
# it ends every message with a line of three dashes.
ECHO = """height: 1080
width: 1920
distortion_model: plumb_bob
d:
- 0.169978
- -0.697303
- -0.002944
- -0.004961
- 0.0
k:
- 1726.597634
- 0.0
- 904.979671
- 0.0
- 1737.359551
- 529.123375
- 0.0
- 0.0
- 1.0
---
"""

# KITTI's raw recordings of 26 September 2011, calib_cam_to_cam.txt; and P2 of the object benchmark.
RAW = """calib_time: 09-Jan-2012 13:57:47
corner_dist: 9.950000e-02
S_rect_02: 1.242000e+03 3.750000e+02
P_rect_02: 7.215377e+02 0.000000e+00 6.095593e+02 4.485728e+01 0.000000e+00 7.215377e+02 1.728540e+02 \
2.163791e-01 0.000000e+00 0.000000e+00 1.000000e+00 2.745884e-03
"""
P2 = RAW.splitlines()[3].replace("P_rect_02", "P2")


@pytest.fixture
def file(tmp_path):
    def write(name, text):
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return write


def test_a_calibration_of_ros(file):
    found = read_camera(file("kodak.yaml", KODAK)).at((1440, 1440))
    assert (found.size, found.lens) == ((1440, 1440), PINHOLE)
    assert (found.fx, found.fy) == pytest.approx((559.7772, 537.9001), abs=1e-4)
    assert (found.cx, found.cy) == pytest.approx((655.1892, 758.0375), abs=1e-4), "half a pixel more"
    assert found.distortion[:2] == pytest.approx((-0.171034, 0.015623), abs=1e-6)


@pytest.mark.parametrize("times", [1, 2])
def test_a_message_of_ros(file, times):
    found = read_camera(file("info.yaml", ECHO * times)).at((1920, 1080))
    assert (found.size, found.fx, found.cy) == ((1920, 1080), 1726.597634, 529.623375)
    assert found.distortion == (0.169978, -0.697303, -0.002944, -0.004961, 0.0)


def test_a_recording_of_kitti(file):
    found = read_camera(file("calib_cam_to_cam.txt", RAW)).at((1242, 375))
    assert (found.size, found.fx) == ((1242, 375), 721.5377)
    assert (found.cx, found.cy) == pytest.approx((610.0593, 173.354))


@pytest.mark.parametrize("text", [P2, P2.replace(":", "")], ids=["object", "tracking"])
def test_a_file_of_kitti_without_a_size_fits_every_image(text, file):
    found = read_camera(file("000007.txt", text))
    assert [found.at(size).size for size in ((1242, 375), (1224, 370))] == [(1242, 375), (1224, 370)]
    assert found.at((1242, 375)).fx == 721.5377


@pytest.mark.parametrize("lens", [PINHOLE, FISHEYE])
@pytest.mark.parametrize("name", ["camera.yaml", "camera.json"])
def test_what_is_written_is_read_again(name, lens, tmp_path):
    camera = replace(CAMERA, lens=lens, distortion=(*CAMERA.distortion[:4], 0.0))
    write_camera(camera, tmp_path / name)
    found = read_camera(tmp_path / name, height=camera.height).at(camera.size)
    mount = {} if name == "camera.json" else {"pitch": camera.pitch}
    assert replace(found, **mount) == pytest.approx(camera)


def test_a_name_of_a_format_that_is_only_read_is_refused(tmp_path):
    with pytest.raises(
        PerceptionError, match=r"expected a file such as \S+camera.json, or .yaml for ROS, got .txt"
    ):
        write_camera(CAMERA, tmp_path / "camera.txt")
    assert not list(tmp_path.iterdir())


def test_a_height_that_nobody_told_is_said(file, caplog):
    read_camera(file("kodak.yaml", KODAK))
    assert "does not say how high the camera is above the road; 1.4 m is assumed" in caplog.text
    assert read_camera(file("kodak.yaml", KODAK), height=2.5).at((1440, 1440)).height == 2.5


def test_images_of_another_shape_are_refused(file):
    with pytest.raises(PerceptionError, match="expected frames of the camera's shape, 1440 x 1440, got 1280"):
        read_camera(file("kodak.yaml", KODAK)).at((1280, 720))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.yaml", "image_width: 640"),
        ("a.yaml", "- 1"),
        ("a.yaml", KODAK.replace("plumb_bob", "mei")),
        ("a.yaml", KODAK.replace("559.7772332675477", ".nan")),
        ("a.yaml", KODAK.replace("559.7772332675477", "0")),
        ("a.yaml", KODAK.replace("image_width: 1440", "image_width: .inf")),
        ("a.yaml", "a: &a [1]\nb: [*a, *a]"),
        ("a.yaml", "[" * 100_000),
        ("a.txt", "P2: 1 2 3"),
        ("a.txt", P2.replace("7.215377e+02", "nan")),
        ("a.txt", P2.replace("6.095593e+02", "inf")),
        ("a.txt", P2.replace("6.095593e+02", "1e308")),
        ("a.txt", RAW.replace("S_rect_02: 1.242000e+03", "S_rect_02: inf")),
        ("a.txt", RAW.replace("S_rect_02: 1.242000e+03 3.750000e+02", "S_rect_02: 1242")),
        ("a.json", "{}"),
        ("a.json", "not json"),
    ],
)
def test_bad_files_are_named(name, text, file):
    with pytest.raises(PerceptionError, match=rf"{name}: expected a camera as our JSON, ROS"):
        read_camera(file(name, text))

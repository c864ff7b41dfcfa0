"""`perception calibrate mount` on drives that tell nothing, and what it writes of one that does."""

import pytest

from calibration.camera.mount import Last, mount, with_mount
from perception.camera import CameraModel
from perception.config import PipelineConfig
from perception.errors import PerceptionError
from perception.types import Mount

CAMERA = CameraModel((160, 120), 120.0, 120.0, 80.0, 60.0)


def seen(state, pitch=0.03, yaw=-0.01, roll=None, moved=False):
    last = Last()
    last.camera, last.mount, last.moved = CAMERA, Mount(state, pitch, yaw, roll, None), moved
    return last


def test_angles_that_the_drive_tells_are_taken_and_the_others_kept():
    made = with_mount("drive", seen("calibrated"))
    assert (made.pitch, made.yaw, made.roll) == (0.03, -0.01, CAMERA.roll)


@pytest.mark.parametrize(
    ("last", "words"),
    [
        (Last(), "got state 'unknown'"),
        (seen("converging"), "got state 'converging'"),
        (seen("calibrated", moved=True), "got one that moved"),
    ],
)
def test_a_drive_that_does_not_tell_the_mount_is_refused(last, words):
    with pytest.raises(PerceptionError, match=words):
        with_mount("drive", last)


def test_the_camera_file_is_not_replaced_without_being_asked(tmp_path):
    file = tmp_path / "camera.json"
    CAMERA.save(file)
    with pytest.raises(PerceptionError, match="--overwrite replaces it"):
        mount("synthetic:7:2", file, 1.4)


@pytest.mark.parametrize("name", ["camera.yaml", "camera.YML", "camera.txt"])
def test_a_format_without_a_mount_is_refused_before_the_drive(name, tmp_path):
    file = tmp_path / name
    file.write_text("mine")
    with pytest.raises(PerceptionError, match=r"expected a file such as \S+camera.json, got"):
        mount("nowhere", file, 1.4, overwrite=True)
    assert file.read_text() == "mine"


def test_a_drive_of_two_frames_writes_nothing(tmp_path, tiny_bundle):
    file, out = tmp_path / "camera.json", tmp_path / "out.json"
    CameraModel((1280, 720), 1100.0, 1100.0, 640.0, 360.0).save(file)
    with pytest.raises(PerceptionError, match="drive straight for a minute"):
        mount("synthetic:7:2", file, 1.4, out, config=PipelineConfig(tiny_bundle))
    assert not out.exists()

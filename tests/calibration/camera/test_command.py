"""`perception calibrate intrinsics` on real pictures, and on what cannot be calibrated."""

import cv2
import numpy as np
import pytest

from calibration.camera.board import Board
from calibration.camera.command import intrinsics
from perception.camera import CameraModel
from perception.camera_files import read_camera
from perception.errors import PerceptionError, SinkError
from tests.calibration.camera.boards import BOARD, CAMERA, picture, poses


@pytest.mark.data
def test_the_boards_of_udacity(driving_data, tmp_path, capsys):
    """Known of them: 17 boards are found, about 1.03 px with all, focal lengths about 1156 and 1150."""
    source = driving_data / "calib" / "udacity" / "camera_cal"
    found = intrinsics(str(source), Board((9, 6), 0.025), tmp_path / "camera.json")
    said = capsys.readouterr().out
    assert "found in 17 of 20 pictures" in said
    assert found.first_rms == pytest.approx(1.03, abs=0.05)
    assert (found.camera.fx, found.camera.fy) == pytest.approx((1156, 1150), abs=8)
    assert "left out, as they do not fit: calibration15.jpg" in said
    assert read_camera(tmp_path / "camera.json").at((1280, 720)).fx == found.camera.fx
    assert "calibration20.jpg" in (tmp_path / "camera.html").read_text()


@pytest.fixture
def photos(tmp_path):
    """Seven of the board, by a camera without distortion."""
    folder, rng = tmp_path / "photos", np.random.default_rng(5)
    folder.mkdir()
    for number, pose in enumerate(poses(30, rng)):
        image, _ = picture(BOARD, pose)
        if BOARD.find(image) is not None and len(list(folder.iterdir())) < 7:
            cv2.imwrite(str(folder / f"{number}.png"), image)
    return folder


def test_photos_of_a_board(photos, tmp_path):
    found = intrinsics(str(photos), BOARD, tmp_path / "camera.json", height=1.7)
    assert (found.camera.fx, found.camera.cx) == pytest.approx((CAMERA.fx, CAMERA.cx), abs=3)
    assert CameraModel.load(tmp_path / "camera.json").height == 1.7


def test_a_height_that_nobody_measured_is_not_written(photos, tmp_path, caplog):
    intrinsics(str(photos), BOARD, tmp_path / "camera.json")
    assert not read_camera(tmp_path / "camera.json").says_height
    assert "1.4 m is assumed" in caplog.text
    with pytest.raises(PerceptionError, match="ROS's format has no mount"):
        intrinsics(str(photos), BOARD, tmp_path / "camera.yaml", height=1.7)


def test_nothing_is_replaced_unasked(photos, tmp_path):
    (tmp_path / "camera.json").write_text("mine")
    with pytest.raises(PerceptionError, match="--overwrite replaces it"):
        intrinsics(str(photos), BOARD, tmp_path / "camera.json")
    assert (tmp_path / "camera.json").read_text() == "mine"
    intrinsics(str(photos), BOARD, tmp_path / "camera.json", overwrite=True)


@pytest.mark.parametrize(
    ("out", "report", "said"),
    [
        ("camera.html", None, "expected a place of its own for the page"),
        ("camera.json", "../mine/camera.json", "expected a place of its own for the page"),
        ("camera.txt", None, "got .txt: KITTI's format is only read"),
    ],
)
def test_names_that_would_lose_the_camera_are_refused_before_the_search(out, report, said, tmp_path):
    folder = tmp_path / "mine"
    with pytest.raises(PerceptionError, match=said):
        intrinsics("nowhere", BOARD, folder / out, report=report and folder / report)


def full(*names):
    raise OSError(28, "No space left on device")


def test_a_write_that_fails_leaves_the_old_file(photos, tmp_path, monkeypatch):
    (tmp_path / "camera.json").write_text("old")
    monkeypatch.setattr(
        "os.fsync", lambda number: (_ for _ in ()).throw(OSError(28, "No space left on device"))
    )
    monkeypatch.setattr("os.replace", lambda *names: (_ for _ in ()).throw(OSError(28, "No space left")))
    with pytest.raises(SinkError):
        intrinsics(str(photos), BOARD, tmp_path / "camera.json", overwrite=True)
    assert (tmp_path / "camera.json").read_text() == "old"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda files: [file.unlink() for file in files[1:]],
            "got 1 in 1 pictures; show the board",
        ),
        (
            lambda files: [cv2.imwrite(str(f), np.full((600, 960, 3), 90, np.uint8)) for f in files],
            "got 0 in 7 pictures; the whole board must be seen",
        ),
        (
            lambda files: [cv2.imwrite(str(f), cv2.imread(str(f))[:-40]) for f in files[1:]],
            "pictures are of another size than 960 x 600",
        ),
    ],
    ids=["one view", "no board", "other sizes"],
)
def test_too_few_views_are_explained(change, said, photos, tmp_path):
    change(sorted(photos.iterdir()))
    with pytest.raises(PerceptionError, match=said):
        intrinsics(str(photos), BOARD, tmp_path / "camera.json")
    assert not (tmp_path / "camera.json").exists()


def test_a_board_of_another_size_is_named(photos, tmp_path):
    with pytest.raises(PerceptionError, match="a board of 9x6 is there"):
        intrinsics(str(photos), Board((8, 6), 0.03), tmp_path / "camera.json")

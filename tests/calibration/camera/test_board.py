"""Corners are found where they are, and what is no board is none."""

import numpy as np
import pytest

from calibration.camera.board import Board, other_boards
from calibration.camera.fit import seen
from perception.errors import PerceptionError
from tests.calibration.camera.boards import BOARD, CHARUCO, picture

POSE = np.array([0.2, -0.3, 0.1, -0.12, -0.07, 0.5])


def test_corners_are_where_they_are():
    image, camera = picture(BOARD, POSE)
    view = BOARD.find(image, "a.jpg")
    off = np.linalg.norm(view.corners - seen(camera, POSE, view.points), axis=1)
    assert np.sqrt((off * off).mean()) < 0.15
    assert off.max() < 0.5
    assert (view.name, len(view.points)) == ("a.jpg", 54)
    assert 0.05 < view.coverage < 0.9


def test_a_charuco_board_may_be_hidden_in_part():
    image, camera = picture(CHARUCO, POSE)
    image[:, : image.shape[1] // 2] = 120
    view = CHARUCO.find(image)
    known = seen(camera, POSE, view.points + [CHARUCO.square, CHARUCO.square, 0])
    assert 8 <= len(view.points) < 35
    assert np.linalg.norm(view.corners - known, axis=1).max() < 0.5


def test_blur_is_seen():
    sharp, dull = (BOARD.find(picture(BOARD, POSE, blur=blur)[0]) for blur in (0, 3))
    assert dull.edge_px > 1.5 * sharp.edge_px


def test_a_road_is_no_board():
    rng = np.random.default_rng(0)
    assert BOARD.find(rng.integers(0, 255, (600, 960, 3), np.uint8)) is None


def test_who_miscounts_is_told():
    image, _ = picture(BOARD, POSE)
    assert BOARD.inner in other_boards(image, (8, 6))


@pytest.mark.parametrize(
    ("text", "square", "markers", "marker", "said"),
    [
        ("9", 0.03, "", 0, "expected a board such as 9x6"),
        ("2x6", 0.03, "", 0, "at least 3x3"),
        ("9x6", 0, "", 0, "expected the side of a square in metres"),
        ("9x6", float("nan"), "", 0, "expected the side of a square"),
        ("9x6", 0.03, "9X9_1", 0.02, "expected an ArUco dictionary"),
        ("9x6", 0.03, "4X4_50", 0.04, "expected a marker smaller than a square"),
    ],
)
def test_what_is_no_board_is_refused(text, square, markers, marker, said):
    with pytest.raises(PerceptionError, match=said):
        Board.parse(text, square, markers, marker)

"""Which views are used, of a board whose corners are known."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from calibration.camera.fit import seen
from calibration.camera.views import search
from perception.errors import PerceptionError
from perception.types import Frame
from tests.calibration.camera.boards import BOARD, CAMERA, SIZE, views


class Known:
    """A board that is found where `given` says: picture k shows the k-th."""

    inner, markers = BOARD.inner, "known"

    def __init__(self, given):
        self.given = given

    def find(self, image, name):
        return replace(self.given[image[0, 0, 0]], name=name)


def pictures(count, then=None):
    for k in range(count):
        yield Frame(np.full((*SIZE[::-1], 3), k, np.uint8), k, k, f"{k}.png")
    if then:
        raise then


def again(view, noise=0.5):
    return replace(view, corners=view.corners + np.random.default_rng(0).normal(0, noise, (54, 2)))


def tilted(angle):
    """In the middle of the picture, half a metre ahead."""
    turn = np.array([angle, 0.0, 0.0])
    move = (0, 0, 0.5) - cv2.Rodrigues(turn)[0] @ BOARD._points.mean(0)
    return replace(
        views(CAMERA, 1)[0], corners=seen(CAMERA, np.concatenate([turn, move]), BOARD._points), edge_px=1.5
    )


@pytest.mark.parametrize("stills", [False, True])
def test_what_was_found_until_ctrl_c_is_used(stills):
    found = search(pictures(6, KeyboardInterrupt()), Known(views(CAMERA, 9)), stills)
    assert (found.pictures, len(found.views)) == (6, 6)


def test_photos_that_repeat_another_are_left_out():
    given = views(CAMERA, 5)
    found = search(pictures(7), Known([*given, again(given[3]), given[0]]), stills=True)
    assert [view.name for view in found.views] == ["0.png", "1.png", "2.png", "3.png", "4.png"]
    assert found.alike == ["5.png", "6.png"]


def test_copies_of_one_photo_are_too_few():
    (view,) = views(CAMERA, 1)
    with pytest.raises(PerceptionError, match=r"at least 5 views .* got 1 in 8 pictures; 7 repeat another"):
        search(pictures(8), Known([view, *[again(view)] * 7]), stills=True)


def test_boards_in_one_place_that_are_tilted_differently_are_no_copies():
    given = [tilted(angle) for angle in (-0.5, -0.3, 0.0, 0.3, 0.5)]
    assert len(search(pictures(5), Known(given), stills=True).views) == 5


def test_of_a_board_that_is_hidden_in_part_the_common_corners_are_compared():
    given = views(CAMERA, 5)
    most, few = (replace(given[0], points=BOARD._points[:n], corners=given[0].corners[:n]) for n in (40, 20))
    found = search(pictures(7), Known([*given, most, few]), stills=True)
    assert found.alike == ["5.png"]

"""Boards as cameras see them: corners by arithmetic, or whole pictures."""

import cv2
import numpy as np

from calibration.camera.board import Board, View
from calibration.camera.fit import seen
from perception.camera import CameraModel

SIZE = (960, 600)
CAMERA = CameraModel(SIZE, 700.0, 705.0, 470.0, 310.0, (-0.2, 0.05, 0.001, -0.0005, 0.0))
FISHEYE = CameraModel(SIZE, 320.0, 322.0, 470.0, 310.0, (0.05, -0.01, 0.004, -0.001, 0.0), lens="fisheye")
BOARD = Board((9, 6), 0.03)
CHARUCO = Board((7, 5), 0.03, "4X4_50", 0.022)


def poses(count, rng, side=1.0):
    """Of boards in many places and directions; `side`: the share of the picture's width they are in."""
    turns = rng.uniform(-0.6, 0.6, (count, 3))
    depth = rng.uniform(0.35, 0.7, count)
    where = rng.uniform(-0.45, 0.45, (count, 2)) * (0.9 * side, 0.6) * depth[:, None]
    return np.concatenate([turns, where - (0.12, 0.075), depth[:, None]], 1)


def views(camera, count, seed=0, noise=0.2, side=1.0, board=BOARD):
    rng = np.random.default_rng(seed)
    made = []
    while len(made) < count:
        (pose,) = poses(1, rng, side)
        corners = seen(camera, pose, board._points)
        if (corners > 5).all() and (corners < np.array(SIZE) - 5).all():
            noisy = corners + rng.normal(0, noise, corners.shape)
            made.append(View(f"{len(made)}.jpg", SIZE, board._points, noisy, 1.5))
    return made


def picture(board, pose, camera=CAMERA, blur=0.0):
    """A BGR picture of the board, without lens distortion; and where its corners are."""
    pixels = 80  # of a square
    columns, rows = (side + 1 for side in board.inner)
    flat = np.full(((rows + 2) * pixels, (columns + 2) * pixels), 255, np.uint8)
    flat[pixels:-pixels, pixels:-pixels] = _printed(board, pixels)
    corner = np.array([[0, 0], [columns + 2, 0], [columns + 2, rows + 2], [0, rows + 2]], np.float32)
    first = 2 if not board.markers else 1  # squares from the edge of the paper to the origin of the board
    metres = np.concatenate([(corner - first) * board.square, np.zeros((4, 1))], 1)
    straight = CameraModel(camera.size, camera.fx, camera.fy, camera.cx, camera.cy)
    there = seen(straight, pose, metres).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(corner * pixels - 0.5, there)
    image = cv2.warpPerspective(flat, matrix, camera.size, borderValue=120, flags=cv2.INTER_AREA)
    if blur:
        image = cv2.GaussianBlur(image, (0, 0), blur)
    return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR), straight


def _printed(board, pixels):
    columns, rows = (side + 1 for side in board.inner)
    if board.markers:
        dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, f"DICT_{board.markers}"))
        drawn = cv2.aruco.CharucoBoard((columns, rows), board.square, board.marker, dictionary)
        return drawn.generateImage((columns * pixels, rows * pixels))
    odd = np.add.outer(np.arange(rows), np.arange(columns)) % 2
    return np.kron(255 * odd, np.ones((pixels, pixels))).astype(np.uint8)

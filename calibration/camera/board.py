"""Calibration boards, and where their corners are in a picture."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np

from perception.errors import PerceptionError
from perception.types import Size

FEWEST = 8  # corners of a ChArUco board that make a view
LARGEST_SIDE = 640  # pixels: a board is looked for in a picture of at most this size first
SUBPIX = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_COUNT, 40, 1e-3)
WINDOW = 11  # pixels to each side in which a corner is refined, if the squares are large enough


@dataclass(frozen=True, eq=False)
class View:
    """A board in a picture."""

    name: str  # of the picture
    size: Size  # of the picture
    points: np.ndarray  # (n, 3) float64, metres on the board
    corners: np.ndarray  # (n, 2) float64, pixels as OpenCV counts: the centre of pixel 0 is 0
    edge_px: float  # how wide the edges of the squares are: the blur

    @property
    def coverage(self) -> float:
        """The share of the picture that the board fills."""
        hull = cv2.convexHull(self.corners.astype(np.float32))
        return float(cv2.contourArea(hull)) / (self.size[0] * self.size[1])


@dataclass(frozen=True)
class Board:
    """A chessboard; with `markers` a ChArUco board, of which parts may be hidden."""

    inner: tuple[int, int]  # inner corners: along the rows, along the columns
    square: float  # side of a square, metres
    markers: str = ""  # ArUco dictionary, such as "4X4_50"; "": a plain chessboard
    marker: float = 0.0  # side of a marker, metres

    @classmethod
    def parse(cls, text: str, square: float, markers: str = "", marker: float = 0.0) -> Board:
        """From "9x6", inner corners. Raises PerceptionError."""
        found = re.fullmatch(r"(\d{1,2})[xX](\d{1,2})", text.strip())
        sides = (int(found[1]), int(found[2])) if found else (0, 0)
        if min(sides) < 3:
            raise PerceptionError(
                f"expected a board such as 9x6 (inner corners, at least 3x3), got {text!r}. "
                "Inner corners are those where four squares meet: one fewer than squares"
            )
        if not (np.isfinite(square) and square > 0):
            raise PerceptionError(f"expected the side of a square in metres, such as 0.025, got {square}")
        if markers and not hasattr(cv2.aruco, f"DICT_{markers.upper()}"):
            raise PerceptionError(f"expected an ArUco dictionary such as 4X4_50 or 5X5_100, got {markers!r}")
        if markers and not 0 < marker < square:
            raise PerceptionError(f"expected a marker smaller than a square of {square} m, got {marker} m")
        return cls(sides, square, markers.upper(), marker)

    def __str__(self) -> str:
        kind = f"ChArUco board ({self.markers})" if self.markers else "chessboard"
        return f"{kind} of {self.inner[0]} x {self.inner[1]} inner corners"

    def find(self, image: np.ndarray, name: str = "") -> View | None:
        """The board in a BGR picture; None: it is not there, or not wholly."""
        grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        found = (self._charuco if self.markers else self._chessboard)(grey)
        if found is None:
            return None
        points, corners = found
        size = (image.shape[1], image.shape[0])
        return View(name, size, points, corners.astype(np.float64), _edge_width(grey, corners))

    @cached_property
    def _points(self) -> np.ndarray:
        """(n, 3): every inner corner, row by row, metres."""
        columns, rows = self.inner
        grid = np.zeros((columns * rows, 3))
        grid[:, :2] = np.mgrid[:columns, :rows].T.reshape(-1, 2) * self.square
        return grid

    def _chessboard(self, grey: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        corners = _corners(grey, self.inner)
        return None if corners is None else (self._points, corners)

    @cached_property
    def _detect(self) -> Callable[[np.ndarray], Any]:
        columns, rows = (side + 1 for side in self.inner)
        dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, f"DICT_{self.markers}"))
        board = cv2.aruco.CharucoBoard((columns, rows), self.square, self.marker, dictionary)
        detector = cv2.aruco.CharucoDetector(board)
        return lambda grey: detector.detectBoard(grey)

    def _charuco(self, grey: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
        corners, ids, _, _ = self._detect(grey)
        if ids is None or len(ids) < FEWEST:
            return None
        points = self._points[ids.ravel()]
        return None if np.linalg.matrix_rank(points - points[0]) < 2 else (points, corners.reshape(-1, 2))


def _corners(grey: np.ndarray, inner: tuple[int, int]) -> np.ndarray | None:
    """(n, 2) corners of a chessboard, refined; None: not there."""
    scale = max(grey.shape) / LARGEST_SIDE
    if scale > 1 and not _is_there(cv2.resize(grey, None, fx=1 / scale, fy=1 / scale), inner):
        return None  # most frames of a video: known in a tenth of the time
    found, corners = cv2.findChessboardCorners(
        grey, inner, flags=cv2.CALIB_CB_ADAPTIVE_THRESH | cv2.CALIB_CB_NORMALIZE_IMAGE
    )
    if not found:
        return None
    window = max(2, min(WINDOW, int(_spacing(corners.reshape(-1, 2), inner) / 2.5)))
    return cv2.cornerSubPix(grey, corners, (window, window), (-1, -1), SUBPIX).reshape(-1, 2)


def _is_there(grey: np.ndarray, inner: tuple[int, int]) -> bool:
    """Small squares may be lost in a small picture, so only the quick test for any board counts."""
    return bool(cv2.checkChessboard(grey, inner))


def _spacing(corners: np.ndarray, inner: tuple[int, int]) -> float:
    """The smallest distance between neighbours, pixels."""
    grid = corners.reshape(inner[1], inner[0], 2)
    return float(min(np.linalg.norm(np.diff(grid, axis=axis), axis=-1).min() for axis in (0, 1)))


def _edge_width(grey: np.ndarray, corners: np.ndarray) -> float:
    """The blur of the board: contrast over the steepest step around its corners, pixels; the median."""
    around = 6
    height, width = grey.shape
    inside = (corners.min(1) > around) & (corners[:, 0] < width - around) & (corners[:, 1] < height - around)
    widths = []
    for x, y in corners[inside].astype(int):
        patch = grey[y - around : y + around + 1, x - around : x + around + 1].astype(np.float32)
        steps = max(np.abs(np.diff(patch, axis=0)).max(), np.abs(np.diff(patch, axis=1)).max())
        widths.append(float(np.ptp(patch)) / max(float(steps), 1.0))
    return float(np.median(widths)) if widths else 1.0


def other_boards(image: np.ndarray, inner: tuple[int, int]) -> list[tuple[int, int]]:
    """Boards of nearly this size that are in the picture: the user may have miscounted."""
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    columns, rows = inner
    near = {(columns + dx, rows + dy) for dx in (-1, 0, 1) for dy in (-1, 0, 1)} - {inner, inner[::-1]}
    return [
        size for size in sorted(near, reverse=True) if min(size) >= 3 and _corners(grey, size) is not None
    ]

"""Intrinsics from views of a board: Zhang's method (2000) by OpenCV, with views that do not fit left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from calibration.camera.board import View
from calibration.camera.views import FEWEST
from perception.camera import FISHEYE, PINHOLE, CameraModel
from perception.errors import PerceptionError
from perception.types import Size

OUTLIER = 2.0  # times the median residual of the views
HALF = 0.5  # pixel: OpenCV's pixel 0 is centred at 0, ours spans 0..1
STEPS = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_COUNT, 200, 1e-10)


@dataclass(frozen=True, eq=False)
class Fit:
    """What came out. Per-view fields line up with `views`."""

    camera: CameraModel
    views: tuple[View, ...]
    poses: np.ndarray  # (v, 6) float64: rotation vector and translation of the board, camera frame
    residuals: tuple[np.ndarray, ...]  # (n, 2) each: measured less predicted, pixels
    dropped: tuple[tuple[str, float], ...]  # views that did not fit: name, rms in pixels
    first_rms: float  # with all views, pixels

    @property
    def rms(self) -> float:
        """Root mean square distance of a corner from where the model puts it, pixels."""
        return float(np.sqrt(np.mean(np.concatenate([(r * r).sum(1) for r in self.residuals]))))

    def rms_of(self, k: int) -> float:
        return float(np.sqrt((self.residuals[k] ** 2).sum(1).mean()))


def fit(views: Sequence[View], size: Size, lens: str = PINHOLE, height: float = 1.4) -> Fit:
    """The camera, by all views but those whose rms is beyond OUTLIER times the median.

    Raises PerceptionError if no camera explains the views.
    """
    found = _solve(views, size, lens, height, ())
    first, dropped = found.rms, list[tuple[str, float]]()
    while True:
        rms = np.array([found.rms_of(k) for k in range(len(found.views))])
        worst = int(rms.argmax())
        if rms[worst] <= OUTLIER * np.median(rms) or len(found.views) <= FEWEST:
            break
        dropped.append((found.views[worst].name, float(rms[worst])))
        kept = [view for k, view in enumerate(found.views) if k != worst]
        found = _solve(kept, size, lens, height, dropped)
    return Fit(found.camera, found.views, found.poses, found.residuals, tuple(dropped), first)


def _solve(
    views: Sequence[View], size: Size, lens: str, height: float, dropped: Sequence[tuple[str, float]]
) -> Fit:
    points = [view.points.astype(np.float32)[:, None] for view in views]
    corners = [view.corners.astype(np.float32)[:, None] for view in views]
    try:
        if lens == FISHEYE:
            matrix, bends, turns, moves = _fisheye(points, corners, size)
        else:
            _, matrix, bends, turns, moves = cv2.calibrateCamera(
                points, corners, size, None, None, criteria=STEPS
            )
    except cv2.error as error:
        raise PerceptionError(
            f"expected views that one camera explains, got {len(views)}: {error}"
        ) from error
    numbers = np.zeros(5)
    numbers[: min(5, bends.size)] = bends.ravel()[:5]
    if not np.isfinite([*matrix.ravel(), *numbers]).all():
        raise PerceptionError("expected views that one camera explains, got no solution; add other views")
    try:
        camera = CameraModel(
            size,
            float(matrix[0, 0]),
            float(matrix[1, 1]),
            float(matrix[0, 2]) + HALF,
            float(matrix[1, 2]) + HALF,
            tuple(map(float, numbers)),
            height,
            lens=lens,
        )
    except ValueError as error:
        raise PerceptionError(f"expected views that one camera explains, got {error}") from error
    poses = np.array([[*turn.ravel(), *move.ravel()] for turn, move in zip(turns, moves, strict=True)])
    residuals = tuple(
        view.corners - seen(camera, pose, view.points) for view, pose in zip(views, poses, strict=True)
    )
    return Fit(camera, tuple(views), poses, residuals, tuple(dropped), 0.0)


def _fisheye(
    points: Sequence[np.ndarray], corners: Sequence[np.ndarray], size: Size
) -> tuple[np.ndarray, np.ndarray, Sequence[np.ndarray], Sequence[np.ndarray]]:
    """OpenCV's solver needs a start that is near: the lens is first taken for an ideal one."""
    focal = max(size) / np.pi
    start = np.array([[focal, 0, size[0] / 2], [0, focal, size[1] / 2], [0, 0, 1.0]])
    flags = [_flag(name) for name in ("RECOMPUTE_EXTRINSIC", "FIX_SKEW", "USE_INTRINSIC_GUESS")]
    wide = [p.astype(np.float64).reshape(1, -1, 3) for p in points]
    found = [c.astype(np.float64).reshape(1, -1, 2) for c in corners]
    _, matrix, bends, turns, moves = cv2.fisheye.calibrate(
        wide,
        found,
        size,
        start,
        np.zeros((4, 1)),
        flags=sum(flags),
        criteria=STEPS,
    )
    return matrix, bends, turns, moves


def _flag(name: str) -> int:
    """OpenCV 5 has them in `cv2`, 4 in `cv2.fisheye`."""
    return int(getattr(cv2.fisheye, f"CALIB_{name}", 0) or getattr(cv2, f"CALIB_{name}"))


def seen(camera: CameraModel, pose: np.ndarray, points: np.ndarray) -> np.ndarray:
    """(n, 2): board points (n, 3) in a picture, pixels as OpenCV counts them."""
    matrix, bends = camera.matrix - [[0, 0, HALF], [0, 0, HALF], [0, 0, 0]], np.array(camera.distortion)
    turn, move = pose[:3], pose[3:]
    if camera.lens == FISHEYE:
        found, _ = cv2.fisheye.projectPoints(points.reshape(-1, 1, 3), turn, move, matrix, bends[:4])
    else:
        found, _ = cv2.projectPoints(points.reshape(-1, 1, 3), turn, move, matrix, bends)
    return np.asarray(found, np.float64).reshape(-1, 2)

"""How far the calibrated camera may be off, at every place of the picture.

Not the residual: that is small as well where all boards were in the middle and the corners are guessed. The
covariance of the intrinsics is the sandwich estimate, with views as clusters, as residuals of one view are
alike (Liang and Zeger 1986); the poses of the boards are eliminated. A projected point moves with the
intrinsics; what a small turn of the camera would undo is left out, as the mount is calibrated separately.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from calibration.camera.fit import Fit, seen
from perception.camera import FISHEYE, CameraModel

INTRINSICS = ("fx", "fy", "cx", "cy")
STEP = 1e-6  # relative
GRID = (16, 9)  # places across and down


def covariance(fit: Fit) -> np.ndarray:
    """(p, p) of `parameters`: fx, fy, cx, cy in pixels, and the distortion."""
    count = len(parameters(fit.camera))
    bread, meat = np.zeros((count, count)), np.zeros((count, count))
    for view, pose, residual in zip(fit.views, fit.poses, fit.residuals, strict=True):
        inner = _jacobian(partial(_seen_by, fit.camera, pose, view.points), parameters(fit.camera))
        outer = _jacobian(partial(_seen_from, fit.camera, view.points), pose)
        own = inner - outer @ np.linalg.lstsq(outer, inner, rcond=None)[0]  # what no pose explains
        score = own.T @ residual.ravel()
        bread += own.T @ own
        meat += np.outer(score, score)
    views = len(fit.views)
    inverse = np.linalg.pinv(bread, rcond=1e-14, hermitian=True)
    return inverse @ meat @ inverse * views / max(1, views - 1)


def _seen_by(camera: CameraModel, pose: np.ndarray, points: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    return seen(_with(camera, numbers), pose, points)


def _seen_from(camera: CameraModel, points: np.ndarray, pose: np.ndarray) -> np.ndarray:
    return seen(camera, pose, points)


def sigma_map(fit: Fit, grid: tuple[int, int] = GRID) -> np.ndarray:
    """(rows, columns): standard deviation of a projected point, pixels; NaN where the lens shows nothing."""
    camera, columns, rows = fit.camera, *grid
    x, y = (np.arange(columns) + 0.5) / columns, (np.arange(rows) + 0.5) / rows
    places = np.stack(np.meshgrid(x * camera.size[0], y * camera.size[1]), -1).reshape(-1, 2)
    rays = camera.rays(places)
    known = np.isfinite(rays).all(1)
    sigma = np.full(len(places), np.nan)
    moves = _jacobian(lambda p: _with(camera, p).image_of(rays[known]), parameters(camera))
    turns = _jacobian(lambda turn: camera.image_of(_turned(rays[known], turn)), np.zeros(3))
    moves -= turns @ np.linalg.lstsq(turns, moves, rcond=None)[0]
    spread = np.einsum("ij,jk,ik->i", moves, covariance(fit), moves).reshape(-1, 2)
    sigma[known] = np.sqrt(np.maximum(spread, 0).sum(1))
    return sigma.reshape(rows, columns)


def sigmas(fit: Fit) -> dict[str, float]:
    """Standard deviations of fx, fy, cx and cy, pixels."""
    return dict(zip(INTRINSICS, np.sqrt(np.diag(covariance(fit))[:4]).tolist(), strict=True))


def parameters(camera: CameraModel) -> np.ndarray:
    bends = camera.distortion[:4] if camera.lens == FISHEYE else camera.distortion
    return np.array([camera.fx, camera.fy, camera.cx, camera.cy, *bends])


def _with(camera: CameraModel, numbers: np.ndarray) -> CameraModel:
    fx, fy, cx, cy, *bends = map(float, numbers)
    return replace(camera, fx=fx, fy=fy, cx=cx, cy=cy, distortion=(*bends, *[0.0] * (5 - len(bends))))


def _turned(rays: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Rays (n, 2) = (x, y, 1) after a small turn."""
    whole = np.concatenate([rays, np.ones((len(rays), 1))], 1)
    turned = whole + np.cross(turn, whole)
    return turned[:, :2] / turned[:, 2:]


def _jacobian(function: Callable[[np.ndarray], np.ndarray], at: np.ndarray) -> np.ndarray:
    """(outputs, len(at)), by central differences."""
    columns = []
    for k in range(len(at)):
        step = np.zeros(len(at))
        step[k] = STEP * max(1.0, abs(at[k]))
        ahead, behind = (function(at + s).ravel() for s in (step, -step))
        columns.append((ahead - behind) / (2 * step[k]))
    return np.stack(columns, 1)

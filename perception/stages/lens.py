"""What `CameraModel` says of many image points at once, compiled: rays, level rays and points on the road.

Newton's method takes three or four rounds where the bisection and the rounds of OpenCV take forty.
"""

from __future__ import annotations

import math

import numpy as np

from perception.camera import FISHEYE, CameraModel
from perception.jit import compiled

STRAIGHT, BARREL, ROUND = range(3)  # no distortion; a pinhole lens with distortion; a fisheye
ROUNDS, ENOUGH = 12, 1e-13
CUT = 3.0  # columns and rows of level rays beyond are cut: 72 degrees aside


def numbers(camera: CameraModel, straight: bool) -> np.ndarray:
    """(11,) float64 for `straightened`: kind, fx, fy, cx, cy, distortion (5), squared radius of the fold."""
    kind = STRAIGHT if straight else ROUND if camera.lens == FISHEYE else BARREL
    fold = math.inf if straight else camera.fold
    return np.array([kind, camera.fx, camera.fy, camera.cx, camera.cy, *camera.distortion, fold], np.float64)


@compiled
def straightened(points: np.ndarray, lens: np.ndarray) -> np.ndarray:
    """`CameraModel.rays` of image points (n, 2) float64; NaN where the lens shows none."""
    out = np.empty((len(points), 2))
    for k in range(len(points)):
        x, y = (points[k, 0] - lens[3]) / lens[1], (points[k, 1] - lens[4]) / lens[2]
        if lens[0] == BARREL:
            x, y = _unbent(x, y, lens)
        elif lens[0] == ROUND:
            x, y = _unrolled(x, y, lens)
        out[k, 0], out[k, 1] = x, y
    return out


@compiled
def _unbent(to_x: float, to_y: float, lens: np.ndarray) -> tuple[float, float]:
    """The ray that Brown and Conrady's lens shows there."""
    k1, k2, p1, p2, k3 = lens[5], lens[6], lens[7], lens[8], lens[9]
    x, y = to_x, to_y
    for _ in range(ROUNDS):
        r2 = x * x + y * y
        radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
        grows = 2 * (k1 + r2 * (2 * k2 + r2 * 3 * k3))
        rest_x = to_x - x * radial - 2 * p1 * x * y - p2 * (r2 + 2 * x * x)
        rest_y = to_y - y * radial - p1 * (r2 + 2 * y * y) - 2 * p2 * x * y
        if abs(rest_x) + abs(rest_y) < ENOUGH:
            return (x, y) if r2 < lens[10] else (math.nan, math.nan)
        a, d = (
            radial + x * x * grows + 2 * p1 * y + 6 * p2 * x,
            radial + y * y * grows + 6 * p1 * y + 2 * p2 * x,
        )
        b = x * y * grows + 2 * p1 * x + 2 * p2 * y
        det = a * d - b * b
        x, y = x + (d * rest_x - b * rest_y) / det, y + (a * rest_y - b * rest_x) / det
    return math.nan, math.nan


@compiled
def _unrolled(x: float, y: float, lens: np.ndarray) -> tuple[float, float]:
    """The ray that the fisheye of Kannala and Brandt shows there."""
    k1, k2, k3, k4 = lens[5], lens[6], lens[7], lens[8]
    r = math.sqrt(x * x + y * y)
    if r < 1e-9:
        return x, y
    angle = min(r, 1.5)
    for _ in range(ROUNDS):
        a2 = angle * angle
        rest = r - angle * (1 + a2 * (k1 + a2 * (k2 + a2 * (k3 + a2 * k4))))
        if abs(rest) < ENOUGH:
            tan = math.tan(angle)
            inside = 0 < angle < math.pi / 2 - 1e-6 and tan * tan < lens[10]
            return (x * tan / r, y * tan / r) if inside else (math.nan, math.nan)
        angle += rest / (1 + a2 * (3 * k1 + a2 * (5 * k2 + a2 * (7 * k3 + a2 * 9 * k4))))
    return math.nan, math.nan


@compiled
def levelled(rays: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """Rays (n, 2) of the camera to level ones (see `level`); those far outside are cut.

    `turn`: `CameraModel.camera_from_vehicle`.
    """
    out = np.empty((len(rays), 2))
    for k in range(len(rays)):
        x, y = rays[k, 0], rays[k, 1]
        ahead = max(x * turn[0, 0] + y * turn[1, 0] + turn[2, 0], 1e-3)
        for axis in range(2):
            value = -(x * turn[0, axis + 1] + y * turn[1, axis + 1] + turn[2, axis + 1]) / ahead
            out[k, axis] = min(max(value, -CUT), CUT) if not math.isnan(value) else CUT
    return out


@compiled
def turn_of(pitch: float, yaw: float, roll: float) -> np.ndarray:
    """`CameraModel.camera_from_vehicle` of a camera that looks so."""
    cp, sp, cy, sy = math.cos(pitch), math.sin(pitch), math.cos(yaw), math.sin(yaw)
    cr, sr = math.cos(roll), math.sin(roll)
    out = np.empty((3, 3))
    out[0] = -(cy * sp * sr - sy * cr), -(sy * sp * sr + cy * cr), -cp * sr
    out[1] = -(cy * sp * cr + sy * sr), -(sy * sp * cr - cy * sr), -cp * cr
    out[2] = cy * cp, sy * cp, -sp
    return out


@compiled
def on_road(rays: np.ndarray, turn: np.ndarray, height: float, farthest: float) -> np.ndarray:
    """`CameraModel.to_road` of rays (n, 2), float32; NaN also beyond `farthest` metres ahead."""
    out = np.full((len(rays), 2), np.nan, np.float32)
    for k in range(len(rays)):
        x, y = rays[k, 0], rays[k, 1]
        down = -(x * turn[0, 2] + y * turn[1, 2] + turn[2, 2])
        if not down > 1e-6:
            continue
        ahead = (x * turn[0, 0] + y * turn[1, 0] + turn[2, 0]) * (height / down)
        if ahead <= farthest:
            out[k, 0] = ahead
            out[k, 1] = (x * turn[0, 1] + y * turn[1, 1] + turn[2, 1]) * (height / down)
    return out

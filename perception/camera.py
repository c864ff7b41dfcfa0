"""A camera on a vehicle: intrinsics, lens distortion and mount.

Three frames. `image`: pixels, x right, y down. `camera`: metres, x right, y down, z along the optical
axis. `vehicle`: metres, x forward, y left, z up, origin on the road below the camera (ISO 8855).
The road is the plane z = 0 of the vehicle frame.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from perception.errors import PerceptionError, brief
from perception.limits import description
from perception.outputs import write_whole

LARGEST = 1 << 16  # pixels
FOCAL = 1000.0  # image sides: a field of view from 0.06 degrees to nearly 180; no lens is beyond
STRONGEST = 1e6  # distortion; those of real lenses are below 100
LOWEST, HIGHEST = 0.05, 20.0  # metres above the road
STEEPEST = 1.5  # pitch: the camera sees ahead
PINHOLE, FISHEYE = "pinhole", "fisheye"


@dataclass(frozen=True)
class CameraModel:
    """Angles in radians. `distortion`, by `lens`; zeros for none:

    "pinhole": OpenCV's (k1, k2, p1, p2, k3), Brown-Conrady. "fisheye": OpenCV's (k1, k2, k3, k4) and 0, the
    polynomial of Kannala and Brandt (2006) in the angle to the optical axis; for lenses beyond 120 degrees.
    """

    size: tuple[int, int]  # (width, height), pixels
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: tuple[float, ...] = (0.0, 0.0, 0.0, 0.0, 0.0)
    height: float = 1.4  # of the optical centre above the road, metres
    pitch: float = 0.0  # positive: looks down
    roll: float = 0.0  # positive: the right side lower
    yaw: float = 0.0  # positive: looks left
    lens: str = PINHOLE

    def __post_init__(self) -> None:
        try:
            for name, kind in (("size", int), ("distortion", float)):  # OpenCV gives arrays, JSON lists
                given = np.asarray(getattr(self, name)).ravel().tolist()
                object.__setattr__(self, name, tuple(map(kind, given)))
        except (TypeError, ValueError, OverflowError) as error:
            raise ValueError(f"size must be 2, distortion 5 numbers, got {self}") from error
        if min(self.size) < 1 or min(self.fx, self.fy) <= 0:
            raise ValueError(f"size and focal lengths must be positive, got {self}")
        numbers = (self.fx, self.fy, self.cx, self.cy, self.height, self.pitch, self.roll, self.yaw)
        if (
            len(self.size) != 2
            or len(self.distortion) != 5
            or not np.isfinite([*numbers, *self.distortion]).all()
        ):
            raise ValueError(f"size must be 2, distortion 5 numbers, and all finite, got {self}")
        if not LOWEST <= self.height <= HIGHEST:
            raise ValueError(f"expected a height of {LOWEST} to {HIGHEST:g} metres, got {self.height:g}")
        if abs(self.pitch) > STEEPEST or max(abs(self.roll), abs(self.yaw)) > np.pi:
            angles = f"pitch {self.pitch:g}, roll {self.roll:g}, yaw {self.yaw:g}"
            raise ValueError(
                f"expected radians, a pitch of at most {STEEPEST}, got {angles}; were they degrees?"
            )
        side = max(self.size)
        if side > LARGEST or not all(side / FOCAL <= f <= side * FOCAL for f in (self.fx, self.fy)):
            raise ValueError(
                f"expected at most {LARGEST} pixels a side and a focal length near that, got {self}"
            )
        if max(abs(self.cx), abs(self.cy)) > FOCAL * side or max(map(abs, self.distortion)) > STRONGEST:
            raise ValueError(f"expected a centre near the image and a lens that bends less, got {self}")
        if self.lens not in (PINHOLE, FISHEYE) or (self.lens == FISHEYE and self.distortion[4]):
            raise ValueError(f"expected a {PINHOLE} lens, or a {FISHEYE} of four numbers and 0, got {self}")

    @classmethod
    def load(cls, path: str | Path) -> CameraModel:
        """From a JSON file with this class's fields.

        Raises PerceptionError if the file is missing, is not JSON or has other fields.
        """
        try:
            fields: dict[str, Any] = description(Path(path).read_text())
            fields["size"] = tuple(fields["size"])
            fields["distortion"] = tuple(fields.get("distortion", (0.0,) * 5))
            return cls(**fields)
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise PerceptionError(
                f"{path}: expected a camera as JSON with size, fx, fy, cx, cy, height, pitch; "
                f"got {brief(error)}"
            ) from error

    def save(self, path: str | Path, height: bool = True) -> None:
        """As JSON, for `load`, with the height or without. Raises SinkError if it cannot be written."""
        fields = {name: value for name, value in asdict(self).items() if height or name != "height"}
        write_whole(Path(path), (json.dumps(fields, indent=1, default=float) + "\n").encode())

    def fits(self, size: tuple[int, int]) -> bool:
        """Images of `size` may be this camera's, resized: their shape is the same but for a pixel."""
        return abs(self.size[0] * size[1] - self.size[1] * size[0]) <= max(*self.size, *size)

    def at(self, size: tuple[int, int]) -> CameraModel:
        """The same camera for images of a size. Raises PerceptionError if their shape is another."""
        return self if size == self.size else self.scaled(size)

    def scaled(self, size: tuple[int, int]) -> CameraModel:
        """The same camera after its image was resized to `size`. Raises PerceptionError for another shape."""
        if not self.fits(size):
            raise PerceptionError(
                f"expected frames of the camera's shape, {self.size[0]} x {self.size[1]}, got {size[0]} x "
                f"{size[1]}; calibrate at this size, or give a camera without the part that was cut away"
            )
        sx, sy = size[0] / self.size[0], size[1] / self.size[1]
        return replace(self, size=size, fx=self.fx * sx, fy=self.fy * sy, cx=self.cx * sx, cy=self.cy * sy)

    @cached_property
    def matrix(self) -> np.ndarray:
        """(3, 3) float64: camera to homogeneous image points."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], np.float64)

    @cached_property
    def camera_from_vehicle(self) -> np.ndarray:
        """(3, 3) float64 rotation. The translation is (0, 0, height) in the vehicle frame."""
        axes = np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0]], np.float64)
        cy, sy = np.cos(self.yaw), np.sin(self.yaw)
        cp, sp = np.cos(self.pitch), np.sin(self.pitch)
        cr, sr = np.cos(self.roll), np.sin(self.roll)
        yaw = np.array([[cy, -sy, 0], [sy, cy, 0], [0, 0, 1]])
        pitch = np.array([[cp, 0, sp], [0, 1, 0], [-sp, 0, cp]])  # about y left: the nose goes down
        roll = np.array([[1, 0, 0], [0, cr, -sr], [0, sr, cr]])
        return axes @ (yaw @ pitch @ roll).T

    def project(self, points: np.ndarray) -> np.ndarray:
        """Vehicle points (..., 3) to image points (..., 2) float64; NaN behind the camera and where the lens
        model folds over: with barrel distortion, points far outside the image would land in it again."""
        points = np.asarray(points, np.float64)
        camera = (points - (0, 0, self.height)) @ self.camera_from_vehicle.T
        behind = camera[..., 2] <= 1e-6
        z = np.where(behind, 1.0, camera[..., 2])
        xy = camera[..., :2] / z[..., None]
        image = self.image_of(xy)
        image[behind | ((xy * xy).sum(-1) >= self.fold)] = np.nan
        return image

    def to_road(self, points: np.ndarray) -> np.ndarray:
        """Image points (..., 2) to road points (..., 2): vehicle x, y float64; NaN above the horizon."""
        xy = self.rays(points)
        rays = np.concatenate([xy, np.ones_like(xy[..., :1])], -1) @ self.camera_from_vehicle
        down = -rays[..., 2]
        above = ~(down > 1e-6)
        road = rays[..., :2] * (self.height / np.where(above, 1.0, down))[..., None]
        road[above] = np.nan
        return road

    def rays(self, points: np.ndarray) -> np.ndarray:
        """Image points (..., 2) to rays (..., 2): x and y of (x, y, 1) in the camera frame; NaN: none."""
        xy = (np.asarray(points, np.float64) - (self.cx, self.cy)) / (self.fx, self.fy)
        return self._undistort(xy)

    def image_of(self, rays: np.ndarray) -> np.ndarray:
        """The inverse of `rays`."""
        return self._distort(np.asarray(rays, np.float64)) * (self.fx, self.fy) + (self.cx, self.cy)

    @cached_property
    def fold(self) -> float:
        """The squared radius at which the lens stops to map farther points farther out; inf: never.

        Of a pinhole that is where r * (1 + k1 r^2 + k2 r^4 + k3 r^6) stops growing, of a fisheye where the
        like in the angle does.
        """
        if self.lens == FISHEYE:
            k1, k2, k3, k4, _ = self.distortion
            angle = np.sqrt(_first_root([9 * k4, 7 * k3, 5 * k2, 3 * k1, 1]))
            return float(np.tan(angle) ** 2) if angle < np.pi / 2 else np.inf
        k1, k2, _, _, k3 = self.distortion
        return _first_root([7 * k3, 5 * k2, 3 * k1, 1])

    def _undistort(self, xy: np.ndarray) -> np.ndarray:
        """The inverse of `_distort`; NaN where there is none."""
        if self.lens == FISHEYE:
            return self._straightened(xy)
        if not any(self.distortion) or not xy.size:
            return xy
        found = _by_opencv(xy.reshape(-1, 1, 2), np.array(self.distortion)).reshape(xy.shape)
        with np.errstate(all="ignore"):  # where there is no inverse, steps go anywhere
            rest = self._wrong_beyond(1e-10, found, xy)
            if rest.any():  # what it has not brought to the end
                found[rest] = self._by_newton(xy[rest])
                found[self._wrong_beyond(1e-6, found, xy)] = np.nan
        return found

    def _wrong_beyond(self, limit: float, found: np.ndarray, xy: np.ndarray) -> np.ndarray:
        """Which rays do not belong to `xy`, or are beyond the fold."""
        right = np.abs(self._distort(found) - xy).max(-1) <= limit
        return ~(right & ((found * found).sum(-1) < self.fold))

    def _by_newton(self, xy: np.ndarray) -> np.ndarray:
        """The inverse of `_distort` by Newton's steps, from that of its radial part."""
        k1, k2, p1, p2, k3 = self.distortion
        r = np.linalg.norm(xy, axis=-1, keepdims=True)
        top = min(np.sqrt(self.fold), FOCAL)
        found = xy * (_inverse(lambda r: r * self._radial(r * r), r, top) / np.maximum(r, 1e-12))
        for _ in range(10):
            x, y = found[..., 0], found[..., 1]
            r2 = x * x + y * y
            radial, slope = self._radial(r2), 2 * (k1 + r2 * (2 * k2 + r2 * 3 * k3))
            xx = radial + slope * x * x + 2 * p1 * y + 6 * p2 * x
            cross = slope * x * y + 2 * p1 * x + 2 * p2 * y
            yy = radial + slope * y * y + 6 * p1 * y + 2 * p2 * x
            ex, ey = np.moveaxis(self._distort(found) - xy, -1, 0)
            step = np.stack([yy * ex - cross * ey, xx * ey - cross * ex], -1)
            found = found - step / (xx * yy - cross * cross)[..., None]
        return found

    def _radial(self, r2: np.ndarray) -> np.ndarray:
        k1, k2, _, _, k3 = self.distortion
        return 1 + r2 * (k1 + r2 * (k2 + r2 * k3))

    def _distort(self, xy: np.ndarray) -> np.ndarray:
        """Normalised image points of rays (x, y, 1), as in OpenCV's calib3d documentation."""
        if self.lens == FISHEYE:
            r = np.maximum(np.linalg.norm(xy, axis=-1, keepdims=True), 1e-12)
            return xy * (self._bent(np.arctan(r)) / r)
        if not any(self.distortion):
            return xy
        _, _, p1, p2, _ = self.distortion
        x, y = xy[..., 0], xy[..., 1]
        r2 = x * x + y * y
        radial = self._radial(r2)
        return np.stack(
            [
                x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
                y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
            ],
            -1,
        )

    def _bent(self, angle: np.ndarray) -> np.ndarray:
        """Of a fisheye: the distance from the centre, in focal lengths, of rays at an angle to the axis."""
        k1, k2, k3, k4, _ = self.distortion
        square = angle * angle
        return angle * (1 + square * (k1 + square * (k2 + square * (k3 + square * k4))))

    def _straightened(self, xy: np.ndarray) -> np.ndarray:
        """The inverse of `_distort` for a fisheye, by bisection; NaN for rays at 90 degrees and more."""
        r = np.linalg.norm(xy, axis=-1, keepdims=True)
        angle = _inverse(self._bent, r, np.arctan(np.sqrt(self.fold)))
        found = xy * (np.tan(angle) / np.maximum(r, 1e-12))
        found[(np.abs(self._bent(angle) - r) > 1e-9)[..., 0] | (angle[..., 0] >= np.pi / 2 - 1e-6)] = np.nan
        return found


def _inverse(growing: Callable[[np.ndarray], np.ndarray], values: np.ndarray, top: float) -> np.ndarray:
    """Where a function that grows from 0 to `top` has the values, by bisection; `top` for those beyond."""
    low, high = np.zeros_like(values), np.full_like(values, top)
    for _ in range(60):
        middle = (low + high) / 2
        beyond = growing(middle) > values
        low, high = np.where(beyond, low, middle), np.where(beyond, middle, high)
    return low


def _by_opencv(xy: np.ndarray, distortion: np.ndarray) -> np.ndarray:
    """(n, 1, 2) without distortion: 40 rounds in place of the five that are usual, good to 1e-4 only."""
    rounds = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 40, 1e-12)
    if hasattr(cv2, "undistortPointsIter"):  # OpenCV 4
        return np.asarray(cv2.undistortPointsIter(xy, np.eye(3), distortion, np.eye(3), np.eye(3), rounds))
    return np.asarray(cv2.undistortPoints(xy, np.eye(3), distortion, criteria=rounds))


def _first_root(polynomial: list[float]) -> float:
    """The smallest positive root; inf: there is none."""
    roots = np.roots(polynomial)
    real = roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real > 0)]
    return float(real.min()) if real.size else np.inf

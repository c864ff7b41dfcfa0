"""A pinhole camera on a vehicle: intrinsics, lens distortion and mount.

Three frames. `image`: pixels, x right, y down. `camera`: metres, x right, y down, z along the optical
axis. `vehicle`: metres, x forward, y left, z up, origin on the road below the camera (ISO 8855).
The road is the plane z = 0 of the vehicle frame.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from perception.errors import PerceptionError
from perception.limits import description
from perception.outputs import write_whole

LARGEST = 1 << 16  # pixels
FOCAL = 1000.0  # image sides: a field of view from 0.06 degrees to nearly 180; no lens is beyond
STRONGEST = 1e6  # distortion; those of real lenses are below 100


@dataclass(frozen=True)
class CameraModel:
    """Angles in radians. `distortion` is OpenCV's (k1, k2, p1, p2, k3); zeros for none."""

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

    def __post_init__(self) -> None:
        if min(self.size) < 1 or min(self.fx, self.fy, self.height) <= 0:
            raise ValueError(f"size, focal lengths and height must be positive, got {self}")
        numbers = (self.fx, self.fy, self.cx, self.cy, self.height, self.pitch, self.roll, self.yaw)
        if (
            len(self.size) != 2
            or len(self.distortion) != 5
            or not np.isfinite([*numbers, *self.distortion]).all()
        ):
            raise ValueError(f"size must be 2, distortion 5 numbers, and all finite, got {self}")
        side = max(self.size)
        if side > LARGEST or not all(side / FOCAL <= f <= side * FOCAL for f in (self.fx, self.fy)):
            raise ValueError(
                f"expected at most {LARGEST} pixels a side and a focal length near that, got {self}"
            )
        if max(abs(self.cx), abs(self.cy)) > FOCAL * side or max(map(abs, self.distortion)) > STRONGEST:
            raise ValueError(f"expected a centre near the image and a lens that bends less, got {self}")

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
                f"{path}: expected a camera as JSON with size, fx, fy, cx, cy, height, pitch; got {error!r}"
            ) from error

    def save(self, path: str | Path) -> None:
        """As JSON, for `load`. Raises SinkError if it cannot be written."""
        write_whole(Path(path), (json.dumps(asdict(self), indent=1, default=float) + "\n").encode())

    def fits(self, size: tuple[int, int]) -> bool:
        """Images of `size` may be this camera's, resized: their shape is the same but for a pixel."""
        return abs(self.size[0] * size[1] - self.size[1] * size[0]) <= max(*self.size, *size)

    def scaled(self, size: tuple[int, int]) -> CameraModel:
        """The same camera after its image was resized to `size`."""
        sx, sy = size[0] / self.size[0], size[1] / self.size[1]
        return replace(self, size=size, fx=self.fx * sx, fy=self.fy * sy, cx=self.cx * sx, cy=self.cy * sy)

    @cached_property
    def matrix(self) -> np.ndarray:
        """(3, 3) float64: camera to homogeneous image points."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]])

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
        image = self._distort(xy) * (self.fx, self.fy) + (self.cx, self.cy)
        image[behind | ((xy * xy).sum(-1) >= self._fold)] = np.nan
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

    @cached_property
    def _fold(self) -> float:
        """The squared radius at which r * (1 + k1 r^2 + k2 r^4 + k3 r^6) stops growing; inf: never."""
        k1, k2, _, _, k3 = self.distortion
        roots = np.roots([7 * k3, 5 * k2, 3 * k1, 1])
        real = roots.real[(np.abs(roots.imag) < 1e-9) & (roots.real > 0)]
        return float(real.min()) if real.size else np.inf

    def _undistort(self, xy: np.ndarray) -> np.ndarray:
        """The inverse of `_distort`; NaN where there is none. OpenCV's answer is good to some 1e-4 only."""
        if not any(self.distortion) or not xy.size:
            return xy
        found = cv2.undistortPoints(xy.reshape(-1, 1, 2), np.eye(3), np.array(self.distortion)).reshape(
            xy.shape
        )
        for _ in range(40):
            rest = xy - self._distort(found)
            if np.abs(rest).max() < 1e-10:
                break
            found += np.clip(rest, -0.1, 0.1)
        wrong = np.abs(self._distort(found) - xy).max(-1) > 1e-6
        found[wrong | ((found * found).sum(-1) >= self._fold)] = np.nan
        return found

    def _distort(self, xy: np.ndarray) -> np.ndarray:
        """Brown-Conrady, as in OpenCV's calib3d documentation."""
        if not any(self.distortion):
            return xy
        k1, k2, p1, p2, k3 = self.distortion
        x, y = xy[..., 0], xy[..., 1]
        r2 = x * x + y * y
        radial = 1 + r2 * (k1 + r2 * (k2 + r2 * k3))
        return np.stack(
            [
                x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
                y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
            ],
            -1,
        )

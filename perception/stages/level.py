"""Boxes as a level camera at the same place would see them, with rays for pixels.

A ray is (column, row): metres right and metres down at one metre ahead, in the vehicle's axes. So the horizon
of a level road is row 0 whatever the mount and lens, and all stages compute in one frame. Where no camera is
known, a usual one is assumed: ratios of distances hold, metres do not.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

import numpy as np

from perception.camera import CameraModel
from perception.types import Frame, Scene, Size

USUAL_FOCAL = 0.9  # image widths: 58 degrees, between wide and narrow driving cameras
FARTHEST = 3.0  # columns and rows beyond are cut: 72 degrees aside


class Level:
    """From pixels to rays and back, for one camera and size of its images."""

    def __init__(self, camera: CameraModel) -> None:
        self.camera = camera
        self.pixel = 1 / camera.fy  # one pixel in the middle of the image, as a ray
        self._centre, self._focal = np.array([camera.cx, camera.cy] * 2), np.array([camera.fx, camera.fy] * 2)
        straight = _is_straight(camera)
        self._plain = straight and not (camera.pitch or camera.roll or camera.yaw)
        self._ahead = np.linalg.inv(camera.matrix).T @ camera.camera_from_vehicle if straight else None

    def boxes(self, xyxy: np.ndarray) -> np.ndarray:
        """Boxes (n, 4) in pixels to left, top, right, bottom (n, 4), by the middles of their sides."""
        if self._plain:
            return (xyxy - self._centre) / self._focal
        x1, y1, x2, y2 = np.asarray(xyxy, np.float64).T
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        rays = self.rays(np.stack([x1, y, x, y1, x2, y, x, y2], 1).reshape(-1, 2)).reshape(-1, 4, 2)
        return np.stack([rays[:, 0, 0], rays[:, 1, 1], rays[:, 2, 0], rays[:, 3, 1]], 1)

    def rays(self, points: np.ndarray) -> np.ndarray:
        """Image points (n, 2) to (n, 2) float64 rays; those far outside are cut."""
        if self._ahead is None:
            ones = np.ones((len(points), 1))
            ahead = np.hstack([self.camera.rays(points), ones]) @ self.camera.camera_from_vehicle
        else:
            ahead = points @ self._ahead[:2] + self._ahead[2]
        x = np.maximum(ahead[:, 0], 1e-3)
        rays = np.stack([-ahead[:, 1] / x, -ahead[:, 2] / x], 1)
        return np.clip(np.nan_to_num(rays, nan=FARTHEST), -FARTHEST, FARTHEST)

    def back(self, boxes: np.ndarray) -> np.ndarray:
        """What `boxes` gives, in pixels again (n, 4) float32."""
        if self._plain:
            return (boxes * self._focal + self._centre).astype(np.float32)
        left, top, right, bottom = boxes.T
        column, row = (left + right) / 2, (top + bottom) / 2
        rays = np.stack([left, row, column, top, right, row, column, bottom], 1).reshape(-1, 2)
        x1, y1, x2, y2 = self.pixels(rays).reshape(-1, 4, 2).transpose(1, 0, 2)
        return np.stack([x1[:, 0], y1[:, 1], x2[:, 0], y2[:, 1]], 1).astype(np.float32)

    def pixels(self, rays: np.ndarray) -> np.ndarray:
        """Rays (n, 2) to image points (n, 2) float64; NaN where the lens shows none."""
        one = np.ones(len(rays))
        return self.camera.project(np.stack([one, -rays[:, 0], self.camera.height - rays[:, 1]], 1))


def _is_straight(camera: CameraModel) -> bool:
    """Whether the lens shows straight lines as such."""
    points = np.array([(x * camera.size[0], y * camera.size[1]) for x in (0, 0.5, 1) for y in (0, 1)])
    straight = (points - (camera.cx, camera.cy)) / (camera.fx, camera.fy)
    return bool(np.allclose(camera.rays(points), straight, atol=1e-9))


def level_of(frame: Frame, scene: Scene) -> Level:
    """By the frame's camera at the angles of `scene.mount`, scaled to its image; or by a usual camera."""
    camera, mount = frame.camera, scene.mount
    if camera is not None and mount is not None:
        learnt = {name: getattr(mount, name) for name in ("pitch", "yaw", "roll")}
        camera = replace(camera, **{name: angle for name, angle in learnt.items() if angle is not None})
    return _level(camera, frame.size)


@lru_cache(8)
def _level(camera: CameraModel | None, size: Size) -> Level:
    if camera is None:
        focal = USUAL_FOCAL * size[0]
        return Level(CameraModel(size, focal, focal, size[0] / 2, size[1] / 2))
    return Level(camera if camera.size == size else camera.scaled(size))

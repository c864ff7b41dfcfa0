"""Boxes as a level camera at the same place would see them, with rays for pixels.

A ray is (column, row): metres right and metres down at one metre ahead, in the vehicle's axes. So the horizon
of a level road is row 0 whatever the mount and lens, and all stages compute in one frame. Where no camera is
known, a usual one is assumed: ratios of distances hold, metres do not.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from perception.camera import CameraModel
from perception.jit import compiled
from perception.stages import lens
from perception.types import Frame, Scene, Size

USUAL_FOCAL = 0.9  # image widths: 58 degrees, between wide and narrow driving cameras


class Level:
    """From pixels to rays and back, for one camera and size of its images."""

    def __init__(self, camera: CameraModel) -> None:
        self.camera = camera
        self.pixel = 1 / camera.fy  # one pixel in the middle of the image, as a ray
        self._centre, self._focal = np.array([camera.cx, camera.cy] * 2), np.array([camera.fx, camera.fy] * 2)
        straight = _is_straight(camera)
        self._plain = straight and not (camera.pitch or camera.roll or camera.yaw)
        self._lens, self._turn = lens.numbers(camera, straight), camera.camera_from_vehicle

    @cached_property
    def middle(self) -> float:
        """The column in which the vehicle's own path, straight on, leaves the image at the bottom.

        Lines right of it are right of the vehicle. That of the image where the camera does not look ahead.
        """
        width, height = self.camera.size
        columns = np.linspace(-width, 2 * width, 97)
        rays = self.straightened(np.stack([columns, np.full(97, height)], 1))
        turn = self._turn
        ahead, left = (rays @ turn[:2, axis] + turn[2, axis] for axis in (0, 1))
        right = -left / np.where(ahead > 0.1, ahead, np.nan)
        kept = np.isfinite(right)
        inside = kept.any() and right[kept][0] < 0 < right[kept][-1] and (np.diff(right[kept]) > 0).all()
        return float(np.interp(0.0, right[kept], columns[kept])) if inside else width / 2

    def boxes(self, xyxy: np.ndarray) -> np.ndarray:
        """Boxes (n, 4) in pixels to left, top, right, bottom (n, 4), by the middles of their sides."""
        if self._plain:
            return (xyxy - self._centre) / self._focal
        rays = self.rays(sides(np.asarray(xyxy, np.float64)))
        return rays.reshape(-1, 8)[:, [0, 3, 4, 7]]

    def rays(self, points: np.ndarray) -> np.ndarray:
        """Image points (n, 2) to (n, 2) float64 rays; those far outside are cut."""
        return self.levelled(self.straightened(points))

    def straightened(self, points: np.ndarray) -> np.ndarray:
        """`CameraModel.rays` of image points (n, 2): rays of the camera, (n, 2) float64; NaN: none."""
        return lens.straightened(np.asarray(points, np.float64), self._lens)

    def levelled(self, rays: np.ndarray) -> np.ndarray:
        """Rays of the camera (n, 2) to level ones; those far outside are cut."""
        return lens.levelled(rays, self._turn)

    def on_road(self, rays: np.ndarray, pitch: float, farthest: float) -> np.ndarray:
        """Rays of the camera (n, 2) to road points (n, 2) float32, while it looks `pitch` down; NaN: none,
        or more than `farthest` metres ahead."""
        camera = self.camera
        return lens.on_road(rays, lens.turn_of(pitch, camera.yaw, camera.roll), camera.height, farthest)

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


@compiled
def sides(xyxy: np.ndarray) -> np.ndarray:
    """(4 n, 2): the middles of the left, upper, right and lower sides of boxes (n, 4)."""
    out = np.empty((4 * len(xyxy), 2))
    for k in range(len(xyxy)):
        x1, y1, x2, y2 = xyxy[k]
        x, y = (x1 + x2) / 2, (y1 + y2) / 2
        out[4 * k], out[4 * k + 1], out[4 * k + 2], out[4 * k + 3] = (x1, y), (x, y1), (x2, y), (x, y2)
    return out


def _is_straight(camera: CameraModel) -> bool:
    """Whether the lens shows straight lines as such."""
    points = np.array([(x * camera.size[0], y * camera.size[1]) for x in (0, 0.5, 1) for y in (0, 1)])
    straight = (points - (camera.cx, camera.cy)) / (camera.fx, camera.fy)
    return bool(np.allclose(camera.rays(points), straight, atol=1e-9))


def level_of(frame: Frame, scene: Scene) -> Level:
    """By the frame's camera at the angles of `scene.mount`, scaled to its image; or by a usual camera."""
    mount = scene.mount
    return _level(frame.camera, frame.size, (mount.pitch, mount.yaw, mount.roll) if mount else ())


@lru_cache(8)
def _level(camera: CameraModel | None, size: Size, angles: tuple[float | None, ...]) -> Level:
    """`angles`: pitch, yaw and roll, of which None is as the camera has it; or nothing."""
    if camera is None:
        focal = USUAL_FOCAL * size[0]
        return Level(CameraModel(size, focal, focal, size[0] / 2, size[1] / 2))
    told = zip(("pitch", "yaw", "roll"), angles, strict=False)
    learnt: dict[str, Any] = {name: angle for name, angle in told if angle is not None}
    camera = replace(camera, **learnt)
    return Level(camera.at(size))

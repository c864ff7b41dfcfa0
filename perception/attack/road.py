"""Where a patch lies on the road in front of the car, in a picture whose camera is not known."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from perception.types import Frame, Scene, Size

FOCAL, HEIGHT_M = 0.9, 1.3  # of the camera: in widths of the picture, above the road
NEAR_M, FAR_M = 6.0, 12.0  # where the patch begins and ends
NEEDS = ("drivable",)  # tasks that find it
FREE = 0.9  # so much of it lies on what was found to be drivable
HORIZON = 0.01  # share of the drivable area that may lie above it


def placed(see: Callable[[Frame], Scene], frame: Frame, width_m: float) -> np.ndarray | None:
    """(4, 2) float32: the far left, far right, near right and near left corner of a patch, image pixels.

    None: the road is not free there. The horizon is where the drivable area ends.
    """
    area = see(frame).drivable
    if area is None or not area.labels.any():
        return None
    free = area.labels == 1
    reached = np.cumsum(free.sum(axis=1)) / free.sum()
    horizon = float(np.argmax(reached > HORIZON)) * frame.size[1] / len(free)
    corners = _corners(frame.size, horizon, width_m)
    scale = np.divide(free.shape[::-1], frame.size)
    covered = cv2.fillConvexPoly(np.zeros(free.shape, np.uint8), (corners * scale).astype(np.int32), 1) > 0
    inside = corners.min() >= 0 and (corners <= frame.size).all()
    return corners if inside and covered.any() and free[covered].mean() >= FREE else None


def _corners(size: Size, horizon: float, width_m: float) -> np.ndarray:
    """Of a flat road, and a camera in its middle that looks straight on."""
    focal, middle = FOCAL * size[0], size[0] / 2
    (far, near), (far_half, near_half) = (
        [focal * metres / away for away in (FAR_M, NEAR_M)] for metres in (HEIGHT_M, width_m / 2)
    )
    return np.array(
        [
            (middle - far_half, horizon + far),
            (middle + far_half, horizon + far),
            (middle + near_half, horizon + near),
            (middle - near_half, horizon + near),
        ],
        np.float32,
    )

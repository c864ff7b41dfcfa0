"""A CameraModel as sensor_msgs/CameraInfo and a transform, and back.

CameraInfo counts from the centre of the first pixel, as OpenCV does; a CameraModel counts from its corner:
cx and cy differ by half a pixel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from perception.camera import FISHEYE, PINHOLE, CameraModel
from perception.errors import PerceptionError
from perception.messages.write import Record

HALF = 0.5  # pixel
AXES = np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0]], np.float64)  # camera from vehicle, level and straight
MODELS = ("plumb_bob", "rational_polynomial", "")  # of a pinhole
EQUIDISTANT = "equidistant"  # ROS's name of a fisheye
RECTIFIED = "image_rect"  # so the topics of straightened pictures begin (image_proc)


def camera_info(camera: CameraModel, header: Record) -> Record:
    """sensor_msgs/CameraInfo: plumb_bob, or equidistant for a fisheye."""
    fx, fy, cx, cy = camera.fx, camera.fy, camera.cx - HALF, camera.cy - HALF
    fisheye = camera.lens == FISHEYE
    return {
        "header": header,
        "height": camera.size[1],
        "width": camera.size[0],
        "distortion_model": EQUIDISTANT if fisheye else "plumb_bob",
        "d": [float(d) for d in camera.distortion[: 4 if fisheye else 5]],
        "k": [fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0],
        "r": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        "p": [fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
        "binning_x": 0,
        "binning_y": 0,
        "roi": {"x_offset": 0, "y_offset": 0, "height": 0, "width": 0, "do_rectify": False},
    }


def is_rectified(topic: str) -> bool:
    """Whether the lens is out of the pictures of a topic, by its name.

    >>> is_rectified("/front/image_rect_color/compressed"), is_rectified("/front/image_raw")
    (True, False)
    """
    return any(part.startswith(RECTIFIED) for part in topic.split("/"))


def camera_from(
    message: Any,
    height: float = 1.4,
    pitch: float = 0.0,
    roll: float = 0.0,
    yaw: float = 0.0,
    rectified: bool = False,
) -> CameraModel | None:
    """Of a sensor_msgs/CameraInfo (of ROS 2 or 1) and a mount; None if it says that nobody calibrated it.

    The model is of the images as they come: cut out and binned. `rectified`: they are those of image_proc,
    which share the CameraInfo of the raw ones; its P is theirs, and they have no distortion. Raises
    PerceptionError for a lens model that CameraModel lacks.
    """
    columns, matrix = (4, _field(message, "p")) if rectified else (3, _field(message, "k"))
    fx, cx, fy, cy = (float(matrix[place]) for place in (0, 2, columns + 1, columns + 2))
    if not fx and not fy:
        return None
    distortion = (0.0, 0.0, 0.0, 0.0, 0.0) if rectified else _distortion(message)
    bin_x, bin_y = max(1, int(message.binning_x)), max(1, int(message.binning_y))
    roi = message.roi
    width, rows = int(roi.width) or int(message.width), int(roi.height) or int(message.height)
    try:
        return CameraModel(
            (width // bin_x, rows // bin_y),
            fx / bin_x,
            fy / bin_y,
            (cx + HALF - int(roi.x_offset)) / bin_x,
            (cy + HALF - int(roi.y_offset)) / bin_y,
            distortion,
            height,
            pitch,
            roll,
            yaw,
            FISHEYE if message.distortion_model == EQUIDISTANT and not rectified else PINHOLE,
        )
    except ValueError as error:
        raise PerceptionError(f"CameraInfo: expected a calibrated camera, got {error}") from error


def mount(camera: CameraModel, header: Record, camera_frame: str) -> Record:
    """geometry_msgs/TransformStamped: where the camera is in the vehicle frame, which `header` names."""
    x, y, z, w = _quaternion(camera.camera_from_vehicle.T)
    return {
        "header": header,
        "child_frame_id": camera_frame,
        "transform": {
            "translation": {"x": 0.0, "y": 0.0, "z": float(camera.height)},
            "rotation": {"x": x, "y": y, "z": z, "w": w},
        },
    }


def mount_from(message: Any) -> dict[str, float]:
    """height, pitch, roll and yaw for `camera_from`, of the TransformStamped from vehicle to camera.

    Where the camera is along and across the vehicle does not matter: our origin is below the camera.
    """
    q = message.transform.rotation
    turned = _matrix(q.x, q.y, q.z, q.w) @ AXES  # yaw @ pitch @ roll
    return {
        "height": float(message.transform.translation.z),
        "pitch": float(np.arcsin(np.clip(-turned[2, 0], -1, 1))),
        "roll": float(np.arctan2(turned[2, 1], turned[2, 2])),
        "yaw": float(np.arctan2(turned[1, 0], turned[0, 0])),
    }


def _field(message: Any, name: str) -> Any:
    """Matrices have small names in ROS 2 and large ones in ROS 1."""
    return getattr(message, name) if hasattr(message, name) else getattr(message, name.upper())


def _distortion(message: Any) -> tuple[float, float, float, float, float]:
    model, numbers = message.distortion_model, [float(d) for d in _field(message, "d")]
    most = 4 if model == EQUIDISTANT else 5
    if any(numbers) and (model not in (*MODELS, EQUIDISTANT) or any(numbers[most:])):
        raise PerceptionError(
            f"CameraInfo: expected plumb_bob or {EQUIDISTANT} with at most {most} numbers other than 0, got "
            f"{model!r} {numbers}; rectify the images (image_proc) and take the topic {RECTIFIED}"
        )
    k1, k2, p1, p2, k3 = (numbers + [0.0] * 5)[:5]
    return k1, k2, p1, p2, k3


def _quaternion(rotation: np.ndarray) -> tuple[float, float, float, float]:
    """x, y, z, w of a rotation matrix: the eigenvector of its symmetric 4 x 4 form (Bar-Itzhack 2000)."""
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = rotation
    form = np.array(
        [
            [xx - yy - zz, yx + xy, zx + xz, zy - yz],
            [yx + xy, yy - xx - zz, zy + yz, xz - zx],
            [zx + xz, zy + yz, zz - xx - yy, yx - xy],
            [zy - yz, xz - zx, yx - xy, xx + yy + zz],
        ]
    )
    x, y, z, w = (float(value) for value in np.linalg.eigh(form)[1][:, -1])
    return (x, y, z, w) if w >= 0 else (-x, -y, -z, -w)


def _matrix(x: float, y: float, z: float, w: float) -> np.ndarray:
    """(3, 3) of a quaternion of any length but 0."""
    x, y, z, w = np.array([x, y, z, w]) / max(1e-12, float(np.linalg.norm([x, y, z, w])))
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )

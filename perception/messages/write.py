"""What was seen, as records of ROS messages.

Points and boxes are in pixels of the camera image, continuous: the first pixel spans 0..1. No number is
rounded: `perception.messages.read` gives back what was written, bit for bit.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import nan
from typing import Any

import cv2
import numpy as np

from perception.messages.topics import VEHICLE_FRAME
from perception.types import VOID, ClassMap, Detections, Ego, LaneLine, Signs

Record = dict[str, Any]  # field -> number, str, bytes, Record, or a list of one kind
INSIDE, UNJUDGED = 255, 127  # of a pixel in a mask; 0: outside. Only labels have what is not judged
NO_POSE: Record = {  # a hypothesis about an image says nothing of space
    "pose": {
        "position": {"x": 0.0, "y": 0.0, "z": 0.0},
        "orientation": {"x": 0.0, "y": 0.0, "z": 0.0, "w": 1.0},
    },
    "covariance": [0.0] * 36,
}


def header(stamp_ns: int, frame_id: str) -> Record:
    """std_msgs/Header."""
    seconds, rest = divmod(stamp_ns, 1_000_000_000)
    return {"stamp": {"sec": seconds, "nanosec": rest}, "frame_id": frame_id}


def own_motion(ego: Ego | None, header: Record) -> Record:
    """geometry_msgs/TwistStamped; NaN: not known."""
    nothing = {"x": 0.0, "y": 0.0, "z": 0.0}
    speed, turn = (nan, nan) if ego is None else (ego.speed, nan if ego.yaw_rate is None else ego.yaw_rate)
    return {"header": header, "twist": {"linear": {**nothing, "x": speed}, "angular": {**nothing, "z": turn}}}


def detections(found: Detections, classes: Sequence[str], header: Record) -> Record:
    """vision_msgs/Detection2DArray; `class_id` is the name of the class, `id` the number of the track.

    An object that was not seen in this frame is left out: the message cannot say how old it is.
    """
    seen = found if found.age_ms is None else found[found.age_ms == 0]
    return _boxes(seen, classes, header)


def signs(found: Signs, classes: Sequence[str], header: Record) -> Record:
    """vision_msgs/Detection2DArray; `class_id` is what the sign says, `id` as of `detections`."""
    return _boxes(found, classes, header)


def lanes(
    lines: Sequence[LaneLine], classes: Sequence[str], header: Record, vehicle_frame: str = VEHICLE_FRAME
) -> Record:
    """perception_msgs/LaneArray, without lines that were not seen in this frame."""
    written = [_line(line, classes) for line in lines if not line.predicted]
    return {"header": header, "vehicle_frame": vehicle_frame, "lines": written}


def mask(cells: ClassMap, header: Record) -> Record:
    """sensor_msgs/Image, mono8 of the camera's size: 255 where not background, 127 for VOID."""
    values = np.where(cells.labels == VOID, UNJUDGED, (cells.labels > 0) * INSIDE).astype(np.uint8)
    return image(cv2.resize(values, cells.size, interpolation=cv2.INTER_NEAREST_EXACT), header)


def image(pixels: np.ndarray, header: Record) -> Record:
    """sensor_msgs/Image of (H, W) uint8 mono8 or (H, W, 3) uint8 bgr8."""
    encoding, channels = ("mono8", 1) if pixels.ndim == 2 else ("bgr8", 3)
    height, width = pixels.shape[:2]
    return {
        "header": header,
        "height": height,
        "width": width,
        "encoding": encoding,
        "is_bigendian": 0,
        "step": width * channels,
        "data": pixels.tobytes(),
    }


def compressed_image(jpeg: bytes, header: Record) -> Record:
    """sensor_msgs/CompressedImage."""
    return {"header": header, "format": "jpeg", "data": jpeg}


def label_info(classes: Sequence[str], header: Record, threshold: float = 0.0) -> Record:
    """vision_msgs/LabelInfo: which names there are. `threshold`: the smallest score that is reported."""
    names = [{"class_id": k, "class_name": name} for k, name in enumerate(classes)]
    return {"header": header, "class_map": names, "threshold": threshold}


def _boxes(found: Detections | Signs, classes: Sequence[str], header: Record) -> Record:
    exact = found.xyxy.astype(
        np.float64
    )  # in which the centre and the size of a float32 box have no rounding
    rows = zip(
        ((exact[:, :2] + exact[:, 2:]) / 2).tolist(),
        (exact[:, 2:] - exact[:, :2]).tolist(),
        found.score.tolist(),
        found.class_id.tolist(),
        [""] * len(found) if found.track is None else list(map(_number, found.track.tolist())),
        strict=True,
    )
    return {"header": header, "detections": [_box(*row, classes, header) for row in rows]}


def _number(track: int) -> str:
    """Of what is no track yet, none."""
    return str(track) if track >= 0 else ""


def _box(
    centre: list[float],
    size: list[float],
    score: float,
    k: int,
    track: str,
    classes: Sequence[str],
    header: Record,
) -> Record:
    place = {"position": {"x": centre[0], "y": centre[1]}, "theta": 0.0}
    return {
        "header": header,
        "results": [{"hypothesis": {"class_id": classes[k], "score": score}, "pose": NO_POSE}],
        "bbox": {"center": place, "size_x": size[0], "size_y": size[1]},
        "id": track,
    }


def _line(line: LaneLine, classes: Sequence[str]) -> Record:
    road = [] if line.road is None else line.road.tolist()
    return {
        "kind": classes[line.kind],
        "score": float(np.float32(line.score)),
        "image": [{"x": x, "y": y} for x, y in line.image.tolist()],
        "road": [{"x": x, "y": y, "z": 0.0} for x, y in road],
    }

"""From a record to an object of some ROS library."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from perception.messages.definitions import definitions, fields

NESTED: Mapping[str, Mapping[str, str]] = {  # field -> type, of the standard messages
    "builtin_interfaces/msg/Time": {},
    "builtin_interfaces/msg/Duration": {},
    "diagnostic_msgs/msg/DiagnosticArray": {
        "header": "std_msgs/msg/Header",
        "status": "diagnostic_msgs/msg/DiagnosticStatus",
    },
    "diagnostic_msgs/msg/DiagnosticStatus": {"values": "diagnostic_msgs/msg/KeyValue"},
    "diagnostic_msgs/msg/KeyValue": {},
    "geometry_msgs/msg/Point": {},
    "geometry_msgs/msg/Pose": {
        "position": "geometry_msgs/msg/Point",
        "orientation": "geometry_msgs/msg/Quaternion",
    },
    "geometry_msgs/msg/PoseWithCovariance": {"pose": "geometry_msgs/msg/Pose"},
    "geometry_msgs/msg/Quaternion": {},
    "geometry_msgs/msg/Transform": {
        "translation": "geometry_msgs/msg/Vector3",
        "rotation": "geometry_msgs/msg/Quaternion",
    },
    "geometry_msgs/msg/TransformStamped": {
        "header": "std_msgs/msg/Header",
        "transform": "geometry_msgs/msg/Transform",
    },
    "geometry_msgs/msg/Twist": {
        "linear": "geometry_msgs/msg/Vector3",
        "angular": "geometry_msgs/msg/Vector3",
    },
    "geometry_msgs/msg/TwistStamped": {
        "header": "std_msgs/msg/Header",
        "twist": "geometry_msgs/msg/Twist",
    },
    "geometry_msgs/msg/TwistWithCovariance": {"twist": "geometry_msgs/msg/Twist"},
    "geometry_msgs/msg/Vector3": {},
    "nav_msgs/msg/Odometry": {
        "header": "std_msgs/msg/Header",
        "pose": "geometry_msgs/msg/PoseWithCovariance",
        "twist": "geometry_msgs/msg/TwistWithCovariance",
    },
    "sensor_msgs/msg/CameraInfo": {
        "header": "std_msgs/msg/Header",
        "roi": "sensor_msgs/msg/RegionOfInterest",
    },
    "sensor_msgs/msg/CompressedImage": {"header": "std_msgs/msg/Header"},
    "sensor_msgs/msg/Imu": {
        "header": "std_msgs/msg/Header",
        "orientation": "geometry_msgs/msg/Quaternion",
        "angular_velocity": "geometry_msgs/msg/Vector3",
        "linear_acceleration": "geometry_msgs/msg/Vector3",
    },
    "sensor_msgs/msg/Image": {"header": "std_msgs/msg/Header"},
    "sensor_msgs/msg/RegionOfInterest": {},
    "std_msgs/msg/ColorRGBA": {},
    "std_msgs/msg/Header": {"stamp": "builtin_interfaces/msg/Time"},
    "tf2_msgs/msg/TFMessage": {"transforms": "geometry_msgs/msg/TransformStamped"},
    "visualization_msgs/msg/Marker": {
        "header": "std_msgs/msg/Header",
        "pose": "geometry_msgs/msg/Pose",
        "scale": "geometry_msgs/msg/Vector3",
        "color": "std_msgs/msg/ColorRGBA",
        "lifetime": "builtin_interfaces/msg/Duration",
        "points": "geometry_msgs/msg/Point",
    },
    "visualization_msgs/msg/MarkerArray": {"markers": "visualization_msgs/msg/Marker"},
}
STAMPED = {"header": "std_msgs/msg/Header"}  # of the other standard messages: numbers with a header


def as_numpy(values: bytes | list[float]) -> Any:
    """uint8[] and float64[] fields as rosbags has them."""
    return np.frombuffer(values, np.uint8) if isinstance(values, bytes) else np.array(values, np.float64)


def fill(
    cls_of: Callable[[str], Callable[..., Any]],
    type_name: str,
    record: Mapping[str, Any],
    numbers: Callable[[bytes | list[float]], Any] = as_numpy,
) -> Any:
    """A message of `type_name` ("std_msgs/msg/Header") with all that is in `record`.

    cls_of: type name -> class, which takes the fields as keywords. For rosbags `store.types.__getitem__`.
    numbers: bytes (a uint8[] field) or a list of floats (a float64[] field) -> what the class takes.
    """
    nested = nested_types(type_name)

    def value(name: str, given: Any) -> Any:
        if name in nested and isinstance(given, list):
            return [fill(cls_of, nested[name], item, numbers) for item in given]
        if name in nested:
            return fill(cls_of, nested[name], given, numbers)
        return numbers(given) if isinstance(given, (bytes, list)) else given

    return cls_of(type_name)(**{name: value(name, given) for name, given in record.items()})


@cache
def nested_types(type_name: str) -> Mapping[str, str]:
    """Field -> type name, for the fields of a type that are messages or lists of them."""
    if type_name in NESTED:
        return NESTED[type_name]
    if type_name not in definitions():
        return STAMPED
    kinds = fields(definitions()[type_name])
    return {
        name: kind.removesuffix("[]").replace("/", "/msg/") for name, kind in kinds.items() if "/" in kind
    }

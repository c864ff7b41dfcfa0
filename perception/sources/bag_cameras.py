"""The camera model of a topic, from its CameraInfo and from where /tf_static mounts it on the vehicle."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from perception.camera import CameraModel
from perception.errors import DataError, PerceptionError
from perception.messages import camera_from, is_rectified, mount_from
from perception.sources.bag import Bag
from perception.types import Size

INFO = "sensor_msgs/msg/CameraInfo"
TF = "/tf_static"
ON_THE_ROAD = ("base_footprint", "base_link")  # frames whose z = 0 is taken for the road (REP 105)
DEEPEST = 32  # transforms from a camera to the vehicle; more is a circle

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pose:
    """Of a frame in its parent."""

    parent: str
    at: np.ndarray  # (3,) metres
    turn: np.ndarray  # (4,) quaternion x, y, z, w


class Cameras:
    """Complaints are logged once for each camera."""

    def __init__(self, bag: Bag, topic: str) -> None:
        self.topic = info_topic(bag, topic)  # of its CameraInfo; None: there is none
        self._rectified = is_rectified(topic)
        self._poses = poses(bag)
        self._info: Any = None
        self._models: dict[tuple[str, Size], CameraModel | None] = {}
        if self.topic is not None:
            self._info = next((p.message() for p in bag.raw({self.topic})), None)

    def note(self, info: Any) -> None:
        """A CameraInfo holds until the next."""
        if self._info is None or content(info) != content(self._info):
            self._models.clear()
        self._info = info

    def first(self) -> CameraModel | None:
        """For pictures as the first CameraInfo says."""
        if self._info is None:
            return None
        size = int(self._info.width), int(self._info.height)
        return self.of(self._info.header.frame_id, size)

    def of(self, frame_id: str, size: Size) -> CameraModel | None:
        """None: not calibrated, or not mounted as far as the drive says."""
        key = frame_id, size
        if key not in self._models:
            self._models[key] = self._model(frame_id, size)
        return self._models[key]

    def _model(self, frame_id: str, size: Size) -> CameraModel | None:
        if self._info is None:
            return None
        mounted = vehicle_from(self._poses, frame_id or self._info.header.frame_id)
        if mounted is None:
            log.warning(
                "%s: no camera model: %s has no transform from %s to %r; give one with --camera",
                *(self.topic, TF, " or ".join(ON_THE_ROAD), frame_id),
            )
            return None
        try:
            camera = camera_from(self._info, **mount_from(mounted), rectified=self._rectified)
        except PerceptionError as error:
            log.warning("%s: no camera model: %s", self.topic, error)
            return None
        return camera and fitted(camera, size, str(self.topic))


def fitted(camera: CameraModel, size: Size, topic: str) -> CameraModel | None:
    """For images of `size`: scaled if their shape is the same."""
    if not camera.fits(size):
        log.warning("%s: no camera model: it is of images %s, these are %s", topic, camera.size, size)
        return None
    return camera.at(size)


def content(info: Any) -> tuple[Any, ...]:
    """All that tells one calibration from another."""
    fields = {name: value for name, value in vars(info).items() if name != "header"}
    return tuple(
        value.tobytes() if isinstance(value, np.ndarray) else repr(value) for value in fields.values()
    )


def info_topic(bag: Bag, topic: str) -> str | None:
    """`/front/camera_info` for `/front/image_raw` and for `/front/image_raw/compressed` (image_transport)."""
    while topic := topic.rpartition("/")[0]:
        found = bag.topics.get(f"{topic}/camera_info")
        if found and found.type == INFO and found.count:
            return found.name
    return None


def poses(bag: Bag) -> dict[str, Pose]:
    """The frames that /tf_static knows, by name."""
    found: dict[str, Pose] = {}
    for packed in bag.raw({TF}) if TF in bag.topics else ():
        try:
            transforms = packed.message().transforms
        except DataError as error:
            log.warning("%s", error)
            continue
        for link in transforms:
            at, turn = link.transform.translation, link.transform.rotation
            found[link.child_frame_id.lstrip("/")] = Pose(
                link.header.frame_id.lstrip("/"),
                np.array([at.x, at.y, at.z]),
                np.array([turn.x, turn.y, turn.z, turn.w]),
            )
    return found


def vehicle_from(poses: Mapping[str, Pose], frame_id: str) -> Any:
    """The transform from the vehicle to a frame, as a TransformStamped; None if nothing joins them."""
    at, turn, name = np.zeros(3), np.array([0.0, 0.0, 0.0, 1.0]), frame_id.lstrip("/")
    found = None
    for _ in range(DEEPEST):
        if name not in poses:
            break
        pose = poses[name]
        at, turn, name = pose.at + turned(pose.turn, at), product(pose.turn, turn), pose.parent
        if name in ON_THE_ROAD:
            found = at, turn  # base_footprint lies below base_link where both are there
    return found and stamped(*found)


def stamped(at: np.ndarray, turn: np.ndarray) -> Any:
    translation = SimpleNamespace(x=at[0], y=at[1], z=at[2])
    rotation = SimpleNamespace(x=turn[0], y=turn[1], z=turn[2], w=turn[3])
    return SimpleNamespace(transform=SimpleNamespace(translation=translation, rotation=rotation))


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of two quaternions (x, y, z, w): first b, then a."""
    v = a[3] * b[:3] + b[3] * a[:3] + np.cross(a[:3], b[:3])
    return np.append(v, a[3] * b[3] - a[:3] @ b[:3])


def turned(turn: np.ndarray, point: np.ndarray) -> np.ndarray:
    """A point (3,) turned by a quaternion of any length but 0."""
    q = turn / max(1e-12, float(np.linalg.norm(turn)))
    return point + 2 * np.cross(q[:3], np.cross(q[:3], point) + q[3] * point)

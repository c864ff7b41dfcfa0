"""Bags as others write them, by `rosbags` itself, of small numbered pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.rosbag1 import Writer as Writer1
from rosbags.rosbag2 import StoragePlugin
from rosbags.rosbag2 import Writer as Writer2
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from perception import messages
from perception.camera import CameraModel
from perception.messages import wire
from tests.sources.clips import SIZE, picture

START, STEP = 1_700_000_000_000_000_000, 50_000_000  # ns
IMAGE, JPEG = "/front/image_raw", "/front/image_raw/compressed"
CAMERA = CameraModel(SIZE, 80.0, 81.0, 48.0, 32.0, (0.1, 0.01, 0.0, 0.0, 0.0), 1.5, 0.03, 0.01, -0.02)

Said = tuple[str, str, int, messages.Record]  # topic, type, time of recording, record


def header(k: int, frame_id: str = "cam") -> messages.Record:
    return messages.header(START + k * STEP, frame_id)


def raw(k: int, topic: str = IMAGE, **changes: Any) -> Said:
    record = {**messages.image(picture(k % 64), header(k)), **changes}
    return topic, "sensor_msgs/msg/Image", START + k * STEP, record


def jpeg(k: int, topic: str = JPEG, **changes: Any) -> Said:
    data = cv2.imencode(".jpg", picture(k % 64), [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes()
    record = {**messages.compressed_image(data, header(k)), **changes}
    return topic, "sensor_msgs/msg/CompressedImage", START + k * STEP, record


def calibration(k: int = 0, topic: str = "/front/camera_info") -> Said:
    record = messages.camera_info(CAMERA, header(k))
    return topic, "sensor_msgs/msg/CameraInfo", START + k * STEP, record


def mount(parent: str = "base_link", child: str = "cam") -> Said:
    link = messages.mount(CAMERA, header(0, parent), child)
    return "/tf_static", "tf2_msgs/msg/TFMessage", START, {"transforms": [link]}


def moved(parent: str, child: str, z: float) -> Said:
    """A frame above another, turned by nothing."""
    place = {
        "translation": {"x": 0.0, "y": 0.0, "z": z},
        "rotation": {"x": 0.0, "y": 0.0, "z": 0.0, "w": 1.0},
    }
    link = {"header": header(0, parent), "child_frame_id": child, "transform": place}
    return "/tf_static", "tf2_msgs/msg/TFMessage", START, {"transforms": [link]}


def write_ros2(path: Path, said: Iterable[Said], plugin: StoragePlugin) -> Path:
    with Writer2(path, version=9, storage_plugin=plugin) as writer:
        topics: dict[str, Any] = {}
        for topic, kind, time_ns, record in said:
            if topic not in topics:
                topics[topic] = writer.add_connection(topic, kind, typestore=wire.store())
            writer.write(topics[topic], time_ns, wire.encode(kind, record))
    return path


def write_mcap(path: Path, said: Iterable[Said]) -> Path:
    return write_ros2(path, said, StoragePlugin.MCAP)


def write_db3(path: Path, said: Iterable[Said]) -> Path:
    return write_ros2(path, said, StoragePlugin.SQLITE3)


def write_ros1(path: Path, said: Iterable[Said]) -> Path:
    """CameraInfo has large letters in ROS 1, and a header counts."""
    store = get_typestore(Stores.ROS1_NOETIC)
    store.register(
        get_types_from_msg("geometry_msgs/TransformStamped[] transforms", "tf2_msgs/msg/TFMessage")
    )

    def renamed(value: Any) -> Any:
        if isinstance(value, list):
            return [renamed(item) if isinstance(item, dict) else item for item in value]
        if not isinstance(value, dict):
            return value
        fields = {
            name.upper() if name in ("d", "k", "r", "p") else name: renamed(v) for name, v in value.items()
        }
        return {"seq": 0, **fields} if "stamp" in fields else fields

    path = path.with_suffix(".bag")
    with Writer1(path) as writer:
        topics: dict[str, Any] = {}
        for topic, kind, time_ns, record in said:
            if topic not in topics:
                topics[topic] = writer.add_connection(topic, kind, typestore=store)
            message = messages.fill(store.types.__getitem__, kind, renamed(record))
            writer.write(topics[topic], time_ns, store.serialize_ros1(message, kind))
    return path


FORMATS: dict[str, Callable[[Path, Iterable[Said]], Path]] = {
    "mcap": write_mcap,
    "db3": write_db3,
    "ros1": write_ros1,
}


def drive_of(count: int = 12, kind: Callable[[int], Said] = raw) -> Iterator[Said]:
    """A calibrated camera on a vehicle."""
    yield mount()
    for k in range(count):
        yield calibration(k)
        yield kind(k)


def bare(folder: Path) -> Path:
    """The one file of a bag folder, moved out of it."""
    (file,) = (path for path in folder.iterdir() if path.suffix in (".mcap", ".db3"))
    return file.rename(folder.with_suffix(file.suffix))


def noisy(path: Path, at: float, length: int = 40) -> Path:
    """Overwrite some bytes at a share of the file."""
    data = bytearray(path.read_bytes())
    start = int(len(data) * at)
    data[start : start + length] = np.random.default_rng(0).bytes(length)
    path.write_bytes(data)
    return path

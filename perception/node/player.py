"""A source as a camera driver: its frames as messages on a bus."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice

import cv2

from perception import messages
from perception.interfaces import Source
from perception.messages.topics import CAMERA_FRAME
from perception.node.bus import Bus
from perception.node.parameters import Settings
from perception.types import Frame

QUALITY = 90  # of JPEG
FPS = 20.0  # of a source that has no rate of its own


def play(
    source: Source,
    bus: Bus,
    settings: Settings,
    max_frames: int | None = None,
    wait: Callable[[float], None] = time.sleep,
) -> int:
    """Publish the frames, a recording at its own rate, stamped by the bus. Gives how many there were."""
    kind = "sensor_msgs/msg/Image" if settings.transport == "raw" else "sensor_msgs/msg/CompressedImage"
    images = bus.publisher(settings.image_topic, kind)
    infos = bus.publisher(settings.camera_info_topic, "sensor_msgs/msg/CameraInfo")
    period_s = 0.0 if source.live else 1 / getattr(source, "fps", FPS)
    due, count = time.monotonic(), 0
    for frame in islice(source, max_frames):
        wait(max(0.0, due - time.monotonic()))
        due = max(due + period_s, time.monotonic())
        header = messages.header(bus.now_ns(), CAMERA_FRAME)
        if frame.camera is not None:
            infos.publish(messages.camera_info(frame.camera, header))
        images.publish(_picture(frame, header, settings.transport))
        count += 1
    return count


def _picture(frame: Frame, header: messages.Record, transport: str) -> messages.Record:
    if transport == "raw":
        return messages.image(frame.image, header)
    _, jpeg = cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return messages.compressed_image(jpeg.tobytes(), header)

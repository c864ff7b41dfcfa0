"""A source as a camera driver: its frames as messages on a bus."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice
from threading import Event

import cv2

from perception import messages
from perception.account import Account
from perception.interfaces import Source
from perception.messages.topics import CAMERA_FRAME
from perception.node.bus import InProcessBus
from perception.node.parameters import Settings
from perception.pipeline import Counted
from perception.timing import USUAL_FPS
from perception.types import Frame

QUALITY = 90  # of JPEG


def play(
    source: Source,
    bus: InProcessBus,
    settings: Settings,
    max_frames: int | None = None,
    wait: Callable[[float], object] | None = None,
) -> int:
    """Publish the frames, and tell the bus of those that are missing. Gives how many there were.

    Those of a recording come at its own rate and are stamped by the bus, those of a camera have their stamp.
    """
    kind = "sensor_msgs/msg/Image" if settings.transport == "raw" else "sensor_msgs/msg/CompressedImage"
    images = bus.publisher(settings.image_topic, kind)
    infos = bus.publisher(settings.camera_info_topic, "sensor_msgs/msg/CameraInfo")
    period_s = 0.0 if source.live else 1 / (source.fps or USUAL_FPS)
    wait = wait or Event().wait  # time.sleep fails under some tools that move the clock
    due, count, account = time.monotonic(), 0, Account()
    for frame in islice(Counted(source, account), max_frames):
        wait(max(0.0, due - time.monotonic()))
        due = max(due + period_s, time.monotonic())
        bus.missed = account.lost + account.dropped
        header = messages.header(frame.stamp_ns if source.live else bus.now_ns(), CAMERA_FRAME)
        if frame.camera is not None:
            infos.publish(messages.camera_info(frame.camera, header))
        images.publish(_picture(frame, header, settings.transport))
        count += 1
    bus.missed = account.lost + account.dropped
    return count


def _picture(frame: Frame, header: messages.Record, transport: str) -> messages.Record:
    if transport == "raw":
        return messages.image(frame.image, header)
    _, jpeg = cv2.imencode(".jpg", frame.image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return messages.compressed_image(jpeg.tobytes(), header)

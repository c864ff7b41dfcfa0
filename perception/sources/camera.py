"""A local camera through Video4Linux."""

from __future__ import annotations

from pathlib import Path

import cv2

from perception.errors import SourceError
from perception.sources.convert import to_bgr
from perception.sources.live import Live, Shot

WANTED = {  # the driver takes the nearest it can
    cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*"MJPG"),  # raw 720p does not fit through USB 2 at 30 fps
    cv2.CAP_PROP_FRAME_WIDTH: 1280,
    cv2.CAP_PROP_FRAME_HEIGHT: 720,
    cv2.CAP_PROP_FPS: 30,
    cv2.CAP_PROP_BUFFERSIZE: 1,  # the driver's own queue is latency
}


class V4l2Capture:
    """One opened /dev/video*. OpenCV's read gives up by itself after 10 s of silence."""

    def __init__(self, device: str) -> None:
        self.device = device
        self.lost = self.dropped = 0
        if not Path(device).exists():
            raise SourceError(f"{device}: expected a camera, found none; plug one in, see `ls /dev/video*`")
        self._capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
        if not self._capture.isOpened():
            raise SourceError(
                f"{device}: expected a camera, could not open it; "
                "is your user in the group `video`, and does no other program use it?"
            )
        for prop, value in WANTED.items():
            self._capture.set(prop, value)

    def read(self) -> Shot:
        ok, image = self._capture.read()
        if not ok:
            raise SourceError(f"{self.device}: expected a frame, the camera gave none")
        return Shot(to_bgr(image))

    def close(self) -> None:
        self._capture.release()


def open_camera(text: str) -> Live:
    """`"0"` or `"/dev/video0"`."""
    device = f"/dev/video{text}" if text.isdecimal() else text
    return Live(device, lambda: V4l2Capture(device))

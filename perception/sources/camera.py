"""A local camera through Video4Linux.

Not verified on hardware: no machine of ours has a camera. `v4l2-ctl --all` shows what the driver took of the
choices; `perception run 0 --max-frames 300` and its `age_ms` show the stamps.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Mapping
from pathlib import Path

import cv2

from perception.errors import SourceError
from perception.sources.choices import parted, patience_s
from perception.sources.convert import to_bgr
from perception.sources.grabs import Grabs
from perception.sources.live import PATIENCE_S, Live, Shot

SILENCE = "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "2"  # seconds, after which OpenCV's read gives up by itself
USUAL = {"format": "MJPG", "size": "1280x720", "fps": "30"}  # raw 720p does not fit through USB 2 at 30 fps
CHOICES = {  # key -> what it looks like
    "format": r"[\x20-\x7e]{4}",
    "size": r"\d+x\d+",
    "fps": r"\d+(\.\d+)?",
    "exposure": r"auto|\d+(\.\d+)?",  # milliseconds
}
MANUAL, AUTO = 1, 3  # V4L2_CID_EXPOSURE_AUTO
OLDEST_S = 10.0  # while all stamps of the driver are older, they are of another clock


class V4l2Capture:
    """One opened /dev/video*."""

    def __init__(self, device: str, chosen: Mapping[str, str]) -> None:
        self.device = device
        self.lost = self.dropped = 0
        if not Path(device).exists():
            raise SourceError(f"{device}: expected a camera, found none; plug one in, see `ls /dev/video*`")
        asked_s = time.monotonic()
        os.environ.setdefault(*SILENCE)  # read when OpenCV waits for the first time
        self._capture = cv2.VideoCapture(device, cv2.CAP_V4L2)
        if not self._capture.isOpened():
            raise SourceError(
                f"{device}: expected a camera, could not open it; "
                "is your user in the group `video`, and does no other program use it?"
            )
        for prop, value in properties(chosen).items():  # the driver takes the nearest it can
            self._capture.set(prop, value)

        self._grabs = Grabs(self._capture, asked_s)
        self._stamped = False  # on the monotonic clock

    def read(self) -> Shot:
        if (grabbed := self._grabs.next()) is None:
            raise SourceError(f"{self.device}: expected a frame, the camera gave none")
        image, since_s = grabbed
        stamp_s = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3
        self._stamped = self._stamped or is_ours(stamp_s, time.monotonic())
        return Shot(to_bgr(image), stamp_s if self._stamped else since_s)

    def close(self) -> None:
        self._grabs.close()


def properties(chosen: Mapping[str, str]) -> dict[int, float]:
    """What OpenCV is told."""
    wanted = {**USUAL, **chosen}
    width, height = map(int, wanted["size"].split("x"))
    told: dict[int, float] = {
        cv2.CAP_PROP_FOURCC: cv2.VideoWriter.fourcc(*wanted["format"]),
        cv2.CAP_PROP_FRAME_WIDTH: width,
        cv2.CAP_PROP_FRAME_HEIGHT: height,
        cv2.CAP_PROP_FPS: float(wanted["fps"]),
        cv2.CAP_PROP_BUFFERSIZE: 1,  # the driver's own queue is latency
    }
    exposure = wanted.get("exposure")
    if exposure == "auto":
        told[cv2.CAP_PROP_AUTO_EXPOSURE] = AUTO
    elif exposure is not None:
        told[cv2.CAP_PROP_AUTO_EXPOSURE] = MANUAL
        told[cv2.CAP_PROP_EXPOSURE] = 10 * float(exposure)  # V4L2 counts in 0.1 ms
    return told


def is_ours(stamp_s: float, now_s: float) -> bool:
    """The driver stamps on the monotonic clock. A picture that waited long does not tell, the first one does.

    >>> is_ours(99.98, 100.0), is_ours(0.0, 100.0), is_ours(1.7e9, 100.0)
    (True, False, False)
    """
    return stamp_s > 0 and 0 < now_s - stamp_s < OLDEST_S


def open_camera(text: str) -> Live:
    """`"0"`, `"/dev/video0"`, `"/dev/v4l/by-id/…"`; `#format=MJPG&size=1280x720&fps=30&exposure=10`."""
    name, chosen = parted(text, CHOICES)
    for key, value in chosen.items():
        if key in CHOICES and not re.fullmatch(CHOICES[key], value):
            examples = "format=MJPG, size=1280x720, fps=30, exposure=auto or milliseconds"
            raise SourceError(f"{name}: expected {examples}, got {key}={value}")
    device = f"/dev/video{name}" if name.isdecimal() else name
    return Live(device, lambda: V4l2Capture(device, chosen), patience_s(chosen, PATIENCE_S))

"""A camera through GStreamer, where OpenCV has it (Debian's and JetPack's; that of PyPI has not).

`csi:N` is not verified on hardware: `gst-launch-1.0 nvarguscamerasrc sensor-id=0 num-buffers=30 ! fakesink`
on the Jetson shows whether its camera works, `perception run csi:0 --max-frames 30` whether ours does.
"""

from __future__ import annotations

import time

import cv2

from perception.errors import BackendUnavailable, SourceError
from perception.redaction import redacted
from perception.sources.convert import to_bgr
from perception.sources.grabs import Grabs
from perception.sources.live import Live, Shot

LAST = " ! videoconvert ! video/x-raw,format=BGR ! appsink drop=true max-buffers=1 sync=false"
CSI = (
    "nvarguscamerasrc sensor-id={} ! video/x-raw(memory:NVMM),width=1280,height=720,framerate=30/1"
    " ! nvvidconv ! video/x-raw,format=BGRx"
)


class GstCapture:
    """A running pipeline that ends in an appsink."""

    def __init__(self, pipeline: str, name: str) -> None:
        self.name = name
        self.lost = self.dropped = 0
        asked_s = time.monotonic()
        whole = pipeline if "appsink" in pipeline else pipeline + LAST
        capture = cv2.VideoCapture(whole, cv2.CAP_GSTREAMER)
        if not capture.isOpened():
            raise SourceError(
                f"{name}: expected a GStreamer pipeline that starts; try it with gst-launch-1.0, "
                "its end replaced by `! fakesink`"
            )
        self._grabs = Grabs(capture, asked_s)

    def read(self) -> Shot:
        if (grabbed := self._grabs.next()) is None:
            raise SourceError(f"{self.name}: expected a frame, the pipeline gave none")
        image, since_s = grabbed
        return Shot(to_bgr(image), since_s)

    def close(self) -> None:
        self._grabs.close()


def open_gst(text: str) -> Live:
    """`gst:PIPELINE`, with or without an appsink at its end, or `csi:0`. Raises BackendUnavailable."""
    kind, _, rest = text.partition(":")
    pipeline = CSI.format(int(rest)) if kind == "csi" else rest.strip().strip("\"'")
    name = text if kind == "csi" else redacted(f"gst:{pipeline}")
    if not has_gstreamer():
        raise BackendUnavailable(
            f"{name}: expected an OpenCV with GStreamer, got {cv2.__version__} without it ({cv2.__file__})",
            "use that of the system (apt install python3-opencv, or JetPack's) and take "
            "opencv-python-headless out of this environment",
        )
    return Live(name, lambda: GstCapture(pipeline, name))


def has_gstreamer() -> bool:
    lines = cv2.getBuildInformation().splitlines()
    return any("GStreamer:" in line and "YES" in line for line in lines)

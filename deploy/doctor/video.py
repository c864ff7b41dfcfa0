"""What reads pictures: OpenCV, PyAV, cameras."""

from __future__ import annotations

import errno
import fcntl
import os
import re
import struct
from pathlib import Path
from typing import Any

from deploy.doctor.finding import Finding, degraded, ok, skipped, unusable
from deploy.doctor.machine import Machine

# linux/videodev2.h: the same on x86-64 and aarch64
QUERYCAP, ENUM_FMT = 0x80685600, 0xC0405602
CAPTURE, STREAMING = 0x1, 0x04000000  # V4L2_CAP_*
VIDEO_CAPTURE = 1  # V4L2_BUF_TYPE_VIDEO_CAPTURE
JETPACK = "deploy/jetson/install.sh keeps JetPack's; or pip uninstall opencv-python opencv-python-headless"


def opencv(machine: Machine) -> Finding:
    """It loads; on a Jetson, with the GStreamer that CSI cameras need."""
    try:
        import cv2
    except (ImportError, OSError, AttributeError) as error:
        return unusable(f"OpenCV does not load: {error}", _opencv_advice(str(error)))
    match = re.search(r"GStreamer:\s*(YES|NO)", cv2.getBuildInformation())
    gstreamer = bool(match and match[1] == "YES")
    where = Path(cv2.__file__).parent
    facts: dict[str, Any] = {"version": cv2.__version__, "gstreamer": gstreamer, "path": str(where)}
    seen = f"OpenCV {cv2.__version__} {'with' if gstreamer else 'without'} GStreamer"
    if machine.jetson and not gstreamer:
        return degraded(
            f"{seen}, from {where}: it hides JetPack's, and CSI cameras need it", JETPACK, **facts
        )
    return ok(seen, **facts)


def _opencv_advice(error: str) -> str:
    if "libGL" in error:
        return "pip uninstall opencv-python && pip install opencv-python-headless; or apt install libgl1"
    if "numpy" in error or "_ARRAY_API" in error:
        return "This OpenCV was built for numpy 1: pip install 'numpy>=1.26,<2'"
    return (
        "pip install --force-reinstall 'opencv-python-headless>=4.8'; on a Jetson: apt install nvidia-opencv"
    )


def pyav(machine: Machine) -> Finding:
    """It loads and can decode H.264."""
    try:
        import av
        from av.codec import Codec

        Codec("h264", "r")
    except (ImportError, OSError, ValueError) as error:
        return degraded(
            f"PyAV cannot read videos: {error}",
            "pip install --force-reinstall 'av>=12'; images and cameras work",
        )
    return ok(f"PyAV {av.__version__} decodes H.264")


def cameras(machine: Machine) -> Finding:
    """Each /dev/video*: what it is, or why it cannot be used."""
    devices = machine.glob("/dev", "video[0-9]*")
    if not devices:
        return skipped("no /dev/video*: no camera is plugged in")
    found, faults = [], []
    for device in devices:
        kind = _tried(device)
        if isinstance(kind, OSError):
            faults.append((device.name, kind))
        elif kind:
            found.append(f"{device.name}: {kind}")
    if faults:
        seen = ", ".join(f"/dev/{name}: {error.strerror}" for name, error in faults)
        return degraded(seen, _camera_advice(faults[0][1]), cameras=found)
    if not found:
        return degraded(
            f"{len(devices)} video devices, none of which gives pictures", "Is the camera's driver loaded?"
        )
    return ok("; ".join(found), cameras=found)


def _tried(device: Path) -> str | OSError | None:
    try:
        return camera(device)
    except OSError as error:
        return error


def camera(device: Path) -> str | None:
    """Its name and formats; None: the device is of another kind, such as metadata. Raises OSError."""
    handle = os.open(device, os.O_RDWR | os.O_NONBLOCK)
    try:
        info = fcntl.ioctl(handle, QUERYCAP, bytes(104))  # struct v4l2_capability
        name, own = info[16:48].split(b"\0")[0].decode(errors="replace"), struct.unpack_from("I", info, 88)[0]
        if not own & CAPTURE or not own & STREAMING:
            return None
        return f"{name} ({', '.join(_formats(handle))})"
    finally:
        os.close(handle)


def _formats(handle: int) -> list[str]:
    """Four letters each, such as MJPG; the driver ends the list with an error."""
    formats = []
    for index in range(64):
        asked = struct.pack("II", index, VIDEO_CAPTURE) + bytes(56)  # struct v4l2_fmtdesc
        try:
            formats.append(fcntl.ioctl(handle, ENUM_FMT, asked)[44:48].decode(errors="replace").strip())
        except OSError:
            break
    return formats


def _camera_advice(error: OSError) -> str:
    if error.errno in (errno.EACCES, errno.EPERM):
        return "sudo usermod -aG video $USER, then log in again; in a container: --device /dev/video0"
    if error.errno == errno.EBUSY:
        return "Another program uses it: fuser /dev/video*"
    return "Unplug it and plug it in again; v4l2-ctl --list-devices shows what the kernel sees"

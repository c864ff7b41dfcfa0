"""Where frames come from. `KINDS` is the table of all kinds.

To add a kind: a file with a class that fills `perception.interfaces.Source`, an opener, and a line in the
table. Each opener imports its file when it is called: reading images does not load the video libraries.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

from perception.errors import SourceError
from perception.interfaces import Source
from perception.redaction import redacted


def open_camera(text: str) -> Source:
    from perception.sources.camera import open_camera

    return open_camera(text)


def open_stream(text: str) -> Source:
    from perception.sources.stream import open_stream

    return open_stream(text)


def open_gst(text: str) -> Source:
    from perception.sources.gst import open_gst

    return open_gst(text)


def open_http(text: str) -> Source:
    from perception.sources.stream import open_http

    return open_http(text)


def open_synthetic(text: str) -> Source:
    from perception.sources.synthetic import FRAMES, SyntheticSource

    name, _, conditions = text.partition("?conditions=")
    _, seed, *frames = name.split(":")
    return SyntheticSource(int(seed), int(frames[0]) if frames else FRAMES, conditions or "day")


def open_pipe(text: str) -> Source:
    from perception.sources.stream import open_pipe

    return open_pipe(text)


def open_scenario(text: str) -> Source:
    from perception.sources.synthetic import ScenarioSource

    _, name, seed, *frames = text.split(":")
    return ScenarioSource(name, int(seed), int(frames[0]) if frames else None)


def open_images(text: str) -> Source:
    from perception.sources.images import open_images

    return open_images(text)


def open_video(text: str) -> Source:
    from perception.sources.recording import Recording

    return Recording(text)


def open_drive(text: str) -> Source:
    from perception.sources.drive import open_drive

    return open_drive(text)


IMAGE = r".*\.(jpe?g|png|bmp|webp|tiff?|ppm|pgm|hei[cf]|hif|jxl)"  # also those that need converting
KINDS: tuple[tuple[str, Callable[[str], Source]], ...] = (  # the first pattern that fits the whole name
    (r"(\d+|/dev/video\d+|/dev/v4l/[^#]+)(#.*)?", open_camera),
    (r"(rtsps?|rtmps?|udp)://.+", open_stream),
    (r"gst:.+|csi:\d+", open_gst),
    (r"https?://.+", open_http),
    (r"synthetic:\d+(:\d+)?(\?conditions=.+)?", open_synthetic),
    (r"scenario:\w+:\d+(:[1-9]\d*)?", open_scenario),
    (r".+\?topic=/.+|.+\.(mcap(\.part)?|db3|bag)", open_drive),
    (rf"{IMAGE}|.*[*?[].*", open_images),
    (r"(?![a-z0-9+.-]+:).+", open_video),  # a name with an unknown prefix is no file
)


def open_source(text: str) -> Source:
    """A source by its name on the command line. Raises SourceError if there is nothing of the kind there.

    "0", "/dev/v4l/by-id/…"        a camera; `#size=640x480&fps=15&format=YUYV&exposure=10` behind it: how
    "rtsp://…", "rtmp://…", "udp://…"   a network stream; `#transport=udp`, `#login=file:PATH`: how
    "http(s)://…"                  likewise, or a file that a server has, read whole
    "gst:PIPELINE", "csi:0"        a camera through GStreamer
    "/tmp/camera"                  a named pipe with video
    Live ones are waited for, 30 s; URLs and V4L2 cameras take `#wait=SECONDS` or `#wait=ever`
    "synthetic:SEED[:FRAMES]"      rendered road scenes, by day; `?conditions=night+rain+ego` after it: others
    "scenario:cut_in:3"            a rendered drive with a plot: see `perception.synthetic.scenarios`
    "drive/", "drive/*.png"        the images of a folder, or those a quoted pattern names
    "drive.mcap", "bag/"           a recorded drive of ROS 2 or (.bag) ROS 1: see `perception.sources.bag`
    "drive.mcap?topic=/front/image"   one of its cameras
    "file:///home/me/a.mp4", "~/a.mp4"   the file there
    "photo.jpg", "clip.mp4"        one image; anything else is opened as a video
    A video or a folder with `clip.timestamps.csv` beside it is stamped by that: see `sidecar`.
    """
    text = _plain(text)
    try:
        if text and (there := _open_path(text)):
            return there
    except (OSError, ValueError) as error:
        raise SourceError(f"{text}: expected to read it, got: {getattr(error, 'strerror', error)}") from error
    for pattern, opener in KINDS:
        if re.fullmatch(pattern, text, re.IGNORECASE):
            return opener(text)
    raise SourceError(
        f"{text!r}: expected a camera number, a URL (rtsp, rtmp, udp, http), gst:PIPELINE, synthetic:SEED, "
        "images, a video or a drive"
    )


def open_recorded(text: str) -> Source:
    """As `open_source`, for work that needs an end, and the same frames again: a camera is a SourceError."""
    source = open_source(text)
    if source.live:
        source.close()
        raise SourceError(
            f"{redacted(text)}: expected a recording, got a live camera, which has no end; record it first: "
            "`perception record --no-results`"
        )
    return source


def _plain(text: str) -> str:
    """A path for `file:///path` and `~/path`, and the scheme of a URL in small letters."""
    if text.startswith("gst:"):
        return text
    scheme, found, rest = text.partition("://")
    if found and scheme.lower() == "file":
        return unquote(rest.removeprefix("localhost"))
    return os.path.expanduser(text) if not found else f"{scheme.lower()}://{rest}"


def _open_path(text: str) -> Source | None:
    """What is there under this name, whatever it looks like; None: nothing."""
    from perception.sources.bag import is_bag
    from perception.sources.sidecar import open_stamped, sidecar_of

    path = Path(text)
    if path.is_fifo():
        return open_pipe(text)
    if not path.exists() or not (path.is_dir() or path.is_file()):
        return None
    if is_bag(path):
        return open_drive(text)
    if sidecar := sidecar_of(path):
        return open_stamped(path, sidecar)
    return (
        open_images(text) if path.is_dir() or re.fullmatch(IMAGE, text, re.IGNORECASE) else open_video(text)
    )

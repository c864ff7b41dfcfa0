"""From messages to pictures: images as they are, JPEG and PNG, and video that comes packet by packet."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from perception.errors import FrameError
from perception.messages import PICTURE_TYPES, compressed_from, image_from, stamp_ns
from perception.white import White

log = logging.getLogger(__name__)

IMAGE, COMPRESSED = PICTURE_TYPES
DEPTH = "16UC1"
VIDEO = {  # message type of one packet -> its field that names the codec
    COMPRESSED: "format",
    "foxglove_msgs/msg/CompressedVideo": "format",
    "ffmpeg_image_transport_msgs/msg/FFMPEGPacket": "encoding",
}
TYPES = (IMAGE, *VIDEO)
CODECS = {"h264": "h264", "libx264": "h264", "avc": "h264", "h265": "hevc", "libx265": "hevc", "hevc": "hevc"}
WAITING = 64  # packets; a decoder that has held one back for longer will not give it


@dataclass(frozen=True)
class Shot:
    """What a message says beside its picture."""

    number: int  # place among the messages of the topic
    stamp_ns: int  # of the header; of the recording if that is 0
    frame_id: str


Taken = tuple[Shot, np.ndarray]  # the picture: (H, W, 3) uint8 BGR, writable


def shot_of(message: Any, number: int, time_ns: int) -> Shot:
    header = getattr(message, "header", None)
    if header is None:  # foxglove's messages
        header = SimpleNamespace(stamp=message.timestamp, frame_id=message.frame_id)
    return Shot(number, stamp_ns(header) or time_ns, header.frame_id)


class Pictures:
    """The pictures of one topic. A video decoder may give them later than their packets."""

    def __init__(self, type_name: str, topic: str) -> None:
        self._type = type_name
        self._white, self._topic, self._told = White(topic), topic, False
        self._video: Video | None = None

    def _tell_depth(self, message: Any) -> None:
        """Say once that what will be found in distances means nothing."""
        if self._type == IMAGE and message.encoding == DEPTH and not self._told:
            log.warning(
                "%s: expected a camera's picture, got %s, which is how depth cameras send distances "
                "(REP 118): they are seen as a grey picture. Choose another topic: ?topic=NAME",
                self._topic,
                DEPTH,
            )
            self._told = True

    def add(self, shot: Shot, message: Any) -> list[Taken]:
        """Raises FrameError."""
        codec = codec_of(message, self._type)
        if codec is None:
            self._tell_depth(message)
            read = image_from if self._type == IMAGE else compressed_from
            image = read(message, self._white)
            return [(shot, np.require(image, requirements="W"))]  # not a view of the message
        if self._video is None or self._video.codec != codec:
            self._video = Video(codec)
        return self._video.add(shot, bytes(message.data))

    def rest(self) -> list[Taken]:
        return [] if self._video is None else self._video.rest()


def codec_of(message: Any, type_name: str) -> str | None:
    """FFmpeg's name of a video codec; None for still pictures. Raises FrameError for an unknown codec."""
    if type_name not in VIDEO:
        return None
    name = getattr(message, VIDEO[type_name])
    found = next((CODECS[word] for word in re.findall(r"\w+", name.lower()) if word in CODECS), None)
    if found is None and type_name != COMPRESSED:
        raise FrameError(f"{type_name}: expected video as {', '.join(CODECS)}, got {name!r}")
    return found


class Video:
    """Pictures of a stream of packets, each an access unit (Annex B)."""

    def __init__(self, codec: str) -> None:
        import av
        from av.video.reformatter import VideoReformatter

        self.codec = codec
        self._context: Any = av.CodecContext.create(codec, "r")
        self._context.thread_count = 1  # see `perception.sources.decode`
        self._to_bgr = VideoReformatter()
        self._waiting: dict[int, Shot] = {}

    def add(self, shot: Shot, data: bytes) -> list[Taken]:
        import av

        packet = av.Packet(data)
        packet.pts = packet.dts = shot.number
        self._waiting[shot.number] = shot
        if len(self._waiting) > WAITING:
            del self._waiting[min(self._waiting)]
        try:
            return self._taken(packet)
        except av.FFmpegError as error:
            self._waiting.pop(shot.number, None)
            raise FrameError(f"expected a {self.codec} packet, got {len(data)} bytes: {error}") from error

    def rest(self) -> list[Taken]:
        """What the decoder holds back; afterwards it is of no further use."""
        import av

        try:
            return self._taken(None)
        except av.FFmpegError:
            return []

    def _taken(self, packet: Any) -> list[Taken]:
        frames = [frame for frame in self._context.decode(packet) if not frame.is_corrupt]
        known = [frame for frame in frames if frame.pts in self._waiting]
        return [(self._waiting.pop(frame.pts), self._image(frame)) for frame in known]

    def _image(self, frame: Any) -> np.ndarray:
        from perception.sources.upright import say_colours

        say_colours(frame)
        return self._to_bgr.reformat(frame, format="bgr24", threads=1).to_ndarray()

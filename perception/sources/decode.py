"""From the packets of a video to BGR images, past whatever is damaged.

One decoding thread. H.264 in FFmpeg knows two kinds of threads: frame threads hold back a frame for each
thread, which is latency, and report an error with a later packet than the damaged one; slice threads do
nothing for the usual one-slice frames. 720p takes 2.3 ms on one thread, and the other cores belong to
the network.
"""

from __future__ import annotations

import heapq
import logging
from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeAlias

import av
import cv2
import numpy as np
from av.container import InputContainer
from av.video import VideoStream
from av.video.codeccontext import VideoCodecContext
from av.video.reformatter import VideoReformatter

from perception.errors import SourceError
from perception.limits import check
from perception.sources.cadence import Cadence

TURN = {90: cv2.ROTATE_90_COUNTERCLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_CLOCKWISE}

VideoPacket: TypeAlias = "av.Packet[VideoStream]"

log = logging.getLogger(__name__)


class Picture(NamedTuple):
    image: np.ndarray  # (H, W, 3) uint8 BGR
    time_ns: int | None  # from the start of the stream's clock; None: the container does not say
    seq: int  # place in the video; what was lost before it is counted


class Decoder:
    """The pictures of a container's first video stream, in order of presentation.

    Every packet names the time of its picture, and pictures come out in order of time: a packet whose
    time is passed over is a lost picture. So damage shows where it is, also when the decoder is silent
    about it. Where whole packets may be missing unnoticed, the cadence of the times tells.
    """

    def __init__(self, container: InputContainer, name: str) -> None:
        if not container.streams.video:
            raise SourceError(f"{name}: expected a video, found no picture stream; is it complete?")
        self.stream = container.streams.video[0]
        context: VideoCodecContext | None = self.stream.codec_context
        if context is None:
            raise SourceError(
                f"{name}: expected a video that FFmpeg can decode, got one of an unknown codec; "
                "convert it to H.264"
            )
        check("PIXELS", context.width * context.height, f"{name}: pixels of a frame")
        context.thread_count = 1
        self._context = context
        self.packets = 0  # so far
        self.seconds = 0.0  # from the start of the stream to the end of the last packet
        self._skipped = 0  # packets that an edit list cuts away
        self._timed = container.format.name != "avi"  # AVI has no times; FFmpeg's guesses are wrong
        self._cadence = Cadence()
        self.absent = 0  # pictures without a packet
        self._given = 0  # pictures that came out
        self._numbered = 0  # pictures by their numbers
        self._passed = 0  # pictures that came out or never will
        self._awaited: list[int] = []  # heap: times of the packets whose picture may still come
        self._to_bgr = VideoReformatter()  # one for all frames: it keeps its tables

    @property
    def lost(self) -> int:
        return max(self._passed + self.absent, self._numbered) - self._given

    def pictures(self, packets: Iterable[VideoPacket]) -> Iterator[Picture]:
        for frame in self.frames(packets):
            time = time_ns(frame) if self._timed else None
            yield Picture(self.image(frame), time, self._numbered - 1)
        self._passed = self.packets - self._skipped

    def frames(self, packets: Iterable[VideoPacket]) -> Iterator[av.VideoFrame]:
        """What comes out of the decoder: `image` converts it."""
        for packet in packets:
            self._await(packet)
            for frame in self._decode(packet):
                self._settle(frame.pts)
                self._numbered = max(self._numbered + 1, self._passed + self.absent)
                yield frame

    def restart(self) -> int:
        """Forget what came before, at a key frame; gives how many pictures were still to come."""
        self._context.flush_buffers()
        self._cadence = Cadence()
        held, self._awaited = len(self._awaited), []
        return held

    def _await(self, packet: VideoPacket) -> None:
        if not packet.size:  # the one at the end that flushes the decoder
            return
        self.packets += 1
        self._skipped += packet.is_discard
        if packet.pts is None:
            return
        start = self.stream.start_time or 0
        end = float((packet.pts + (packet.duration or 0) - start) * packet.time_base)
        self.seconds = max(self.seconds, end)
        if self._timed and not packet.is_discard:
            heapq.heappush(self._awaited, packet.pts)

    def _decode(self, packet: VideoPacket) -> list[av.VideoFrame]:
        try:
            return [frame for frame in packet.decode() if not frame.is_corrupt]
        except av.FFmpegError as error:
            log.debug("packet at %s: %s", packet.pts, error)
            self._passed += packet.pts is None or not self._timed  # else its time will be passed over
            return []

    def _settle(self, time: int | None) -> None:
        """A picture for `time` came out: that one is awaited no more, and earlier ones will not come."""
        self._given += 1
        if time is None or not self._timed:
            self._passed += 1
            return
        before = self._passed
        while self._awaited and self._awaited[0] <= time:
            heapq.heappop(self._awaited)
            self._passed += 1
        if not self.stream.frames:  # a container that counts its frames has a packet for each
            damaged = self._passed - before - 1
            self.absent += max(0, self._cadence.missing(time) - max(0, damaged))

    def image(self, frame: av.VideoFrame) -> np.ndarray:
        bgr = self._to_bgr.reformat(frame, format="bgr24", threads=1)
        image = bgr.to_ndarray()  # a view of the frame's memory unless its rows are padded
        turn = TURN.get(frame.rotation % 360)  # phones store pictures as the sensor lies
        return image if turn is None else cv2.rotate(image, turn)


def time_ns(frame: av.VideoFrame) -> int | None:
    if frame.pts is None or frame.time_base is None:
        return None
    return round(frame.pts * frame.time_base * 1_000_000_000)  # a Fraction: exact

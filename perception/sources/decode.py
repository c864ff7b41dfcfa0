"""From the packets of a video to BGR images, past whatever is damaged.

One decoding thread. H.264 in FFmpeg knows two kinds of threads: frame threads hold back a frame for each
thread, which is latency, and report an error with a later packet than the damaged one; slice threads do
nothing for the usual one-slice frames. 720p takes 2.3 ms on one thread, and the other cores belong to
the network.
"""

from __future__ import annotations

import heapq
import logging
import math
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import av
import numpy as np
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext

from perception.errors import SourceError
from perception.limits import check
from perception.sources.clock import Clock, VideoPacket
from perception.sources.references import References
from perception.sources.upright import Upright

log = logging.getLogger(__name__)


class Picture(NamedTuple):
    image: np.ndarray  # (H, W, 3) uint8 BGR
    time_ns: int  # on the clock of the stream, rising; from its rate where it has no clock
    seq: int  # place in the video; what was lost before it is counted


class Decoder:
    """The pictures of a container's first video stream, in order of presentation.

    Every packet names the time of its picture, and pictures come out in order of time: a packet whose
    time is passed over is a lost picture. So damage shows where it is, also when the decoder is silent
    about it. Where whole packets may be missing unnoticed, the beat of the times tells.
    `lost` and the pictures that came out are those up to `seq`.
    """

    def __init__(self, container: InputContainer, name: str, whole: bool = False) -> None:
        """`whole`: pictures that refer to a damaged or missing one are lost, too: they would show what never
        was."""
        if not container.streams.video:
            raise SourceError(f"{name}: expected a video, found no picture stream; is it complete?")
        self.stream = container.streams.video[0]
        context: VideoCodecContext | None = self.stream.codec_context
        if context is None:
            raise SourceError(
                f"{name}: expected a video that FFmpeg can decode, got one of an unknown codec; "
                "convert it to H.264"
            )
        self._upright = Upright(self.stream.sample_aspect_ratio, name)
        check("PIXELS", self._upright.width(context.width) * context.height, f"{name}: pixels of a frame")
        context.thread_count = 1
        if context.name == "mjpeg":  # else half a picture is one, the rest of it grey
            context.options = {**context.options, "err_detect": "explode"}
        self._context = context
        self._whole = whole
        told = whole and context.name == "h264"
        self._references = References(context.extradata or b"") if told else None
        self._damaged = False  # since the last key frame
        self._damage = -math.inf  # the latest time of it
        self.clock = Clock(container, self.stream)
        self.packets = 0  # so far
        self._beat = self.clock.beat()
        self._skipped = 0  # packets that an edit list cuts away
        self._absent = 0  # pictures without a packet
        self._seq = -1  # of the last picture
        self._tail = 0  # lost behind it
        self._given = 0  # pictures that came out
        self._passed = 0  # packets whose picture came out or never will
        self._settled = 0  # of them, those up to the last picture
        self._awaited: list[int] = []  # heap: times of the packets whose picture may still come
        self._timed = -1, 0  # number and nanoseconds of the last picture with a time

    @property
    def lost(self) -> int:
        return self._seq + 1 - self._given + self._tail

    def pictures(self, packets: Iterable[VideoPacket]) -> Iterator[Picture]:
        for frame, ticks in self.frames(packets):
            yield Picture(self.image(frame), self._stamp(ticks), self._seq)
        self._tail = max(0, self.packets - self._skipped + self._absent - self._seq - 1)

    def frames(self, packets: Iterable[VideoPacket]) -> Iterator[tuple[av.VideoFrame, int | None]]:
        """What comes out of the decoder, to be converted by `image`, and its time in ticks."""
        for packet in packets:
            self._await(packet)
            for frame in self._decode(packet):
                ticks = self._settle(frame)
                self._seq = max(self._seq + 1, self._passed + self._absent - 1)
                self._damaged = self._damaged and not self._begins_anew(frame)
                if self._damaged and self._whole:
                    self._given -= 1
                else:
                    yield frame, ticks

    def image(self, frame: av.VideoFrame) -> np.ndarray:
        """(H, W, 3) uint8 BGR, as it is to be seen."""
        return self._upright(frame)

    def restart(self) -> int:
        """Forget what came before, at a key frame; gives how many pictures were still to come."""
        self._context.flush_buffers()
        if self._references is not None:
            self._references.forget()
        self._beat = self.clock.beat()
        held, self._awaited = len(self._awaited), []
        self.packets -= held
        return held

    def missing_at_end(self) -> int:
        """How many pictures the header promised that the file does not hold."""
        return self.clock.missing_at_end(self.packets + self._absent)

    def _await(self, packet: VideoPacket) -> None:
        if not packet.size:  # the one at the end that flushes the decoder
            return
        self.packets += 1
        self._skipped += packet.is_discard
        self.clock.set(packet)
        if self._references is not None and self._references.misses(bytes(packet)):
            self._note_damage(packet.pts)
        if packet.pts is not None and self.clock.per_packet and not packet.is_discard:
            heapq.heappush(self._awaited, packet.pts)

    def _decode(self, packet: VideoPacket) -> list[av.VideoFrame]:
        try:
            frames = packet.decode()
            for frame in frames:
                if frame.is_corrupt:
                    self._note_damage(frame.pts)
            return [frame for frame in frames if not frame.is_corrupt]
        except av.FFmpegError as error:
            log.debug("packet at %s: %s", packet.pts, error)
            self._note_damage(packet.pts)
            # else its time will be passed over
            self._passed += packet.pts is None or not self.clock.per_packet
            return []

    def _note_damage(self, pts: int | None) -> None:
        self._damaged = True
        self._damage = self._damage if pts is None else max(pts, self._damage)

    def _begins_anew(self, frame: av.VideoFrame) -> bool:
        """A key frame behind the damage; one before it may come out later."""
        return frame.key_frame and (frame.pts is None or frame.pts > self._damage)

    def _settle(self, frame: av.VideoFrame) -> int | None:
        """The time of a picture that came out: earlier ones that are still awaited will not come."""
        ticks = self.clock.time(frame, self._passed)
        self._given += 1
        if ticks is None or not self.clock.per_packet:
            self._passed += 1
        while self._awaited and ticks is not None and self._awaited[0] <= ticks:
            heapq.heappop(self._awaited)
            self._passed += 1
        damaged, self._settled = max(0, self._passed - self._settled - 1), self._passed
        if ticks is not None and self._beat is not None:
            self._absent += max(0, self._beat.missing(ticks) - damaged)
        return ticks

    def _stamp(self, ticks: int | None) -> int:
        number, before = self._timed
        if ticks is None:
            return before + round((self._seq - max(number, 0)) * 1e9 / self.clock.fps)
        stamp = self.clock.nanoseconds(ticks)
        if number >= 0:
            stamp = max(stamp, before + 1)
        self._timed = self._seq, stamp
        return stamp

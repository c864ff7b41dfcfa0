"""What the times of a video's packets mean. It is decided here, and nowhere else.

Most containers name the time of each picture (pts). AVI has no times: it numbers its chunks, and a number
without a chunk is a picture that was dropped; FFmpeg's dts is that number, its pts is a guess. A raw stream
has neither. A clock may start again in the middle, where two recordings were joined or a camera was set, or
wrap (MPEG-TS, after 26.5 h): then it goes on from where it was. A step forward is time that passed.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import islice, pairwise
from statistics import median
from typing import TypeAlias

import av
from av.container import InputContainer
from av.video import VideoStream

from perception.sources.cadence import Cadence, Slots
from perception.timing import usable_fps

BACK_S = 0.5  # a step back by more is a clock that starts again, by less: packets out of order
PAUSE_S = 2.0  # a longer gap is a pause, not frames that are missing; as in perception.node.gaps
SLACK_S = 1.0  # between the end of a file and its header, where several streams end
NO_WRAP = {"correct_ts_overflow": "0"}  # FFmpeg takes every step back of MPEG-TS for one of 26.5 h forward
INDEXED = 1000  # entries of an AVI's index that tell its rate
PROMISING = ("avi", "asf", "flv", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2")  # headers that state a duration

VideoPacket: TypeAlias = "av.Packet[VideoStream]"


class Clock:
    """Of one video stream; `fps` is its usual rate."""

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        avi = container.format.name == "avi"
        self._container, self._stream = container, stream
        self._tick = stream.time_base or Fraction(1, av.time_base)  # seconds
        self._slot = slot(stream) if avi else None  # ticks from picture to picture
        self._in_turn = avi and stream.codec_context.has_b_frames  # a packet is not that of its picture
        self._turns: list[int] = []
        rate = stream.average_rate if self._slot is None else 1 / (self._slot * self._tick)
        self.fps = usable_fps(float(rate or 0))
        self._back = round(BACK_S / self._tick)
        self._last: int | None = None  # dts of the packet before
        self._step = self._offset = 0
        self._firsts: dict[int, int] = {}  # stream -> its own ticks where its packets start
        self._ends: dict[int, int] = {}

    @property
    def per_packet(self) -> bool:
        """Each packet names the time of its own picture."""
        return not self._in_turn

    def beat(self) -> Cadence | Slots | None:
        """What notices pictures without a packet; None: the container has a packet for each."""
        if self._slot is not None:
            return Slots(self._slot)
        return None if self._stream.frames else Cadence(round(PAUSE_S / self._tick))

    def hear(self, packet: av.Packet[av.stream.Stream]) -> None:
        """A packet of any stream passes by."""
        number = packet.stream_index
        if packet.dts is not None:
            self._firsts[number] = min(packet.dts, self._firsts.get(number, packet.dts))
        if packet.pts is not None:
            self._ends[number] = max(packet.pts + (packet.duration or 0), self._ends.get(number, 0))

    def set(self, packet: VideoPacket) -> None:
        """Put the packet's times on the one clock."""
        if self._slot is not None:
            packet.pts = packet.dts
        if packet.dts is not None:
            packet.dts = self._on(packet.dts)
        if packet.pts is not None:
            packet.pts += self._offset
        if self._in_turn and packet.pts is not None:
            self._turns.append(packet.pts)

    def _on(self, dts: int) -> int:
        last, now = self._last, dts + self._offset
        if last is not None and now < last - self._back:
            self._offset += last + self._step - now
            now = last + self._step
        self._step = self._step if last is None else max(0, now - last)
        self._last = now
        return now

    def time(self, frame: av.VideoFrame, before: int) -> int | None:
        """Ticks of a picture that came out after `before` others that did, or never will."""
        if self._in_turn:
            return self._turns[before] if before < len(self._turns) else None
        return frame.pts

    def told_s(self, ticks: int) -> float:
        """Seconds as the packets of now tell them, before they are put on the one clock."""
        return float((ticks - self._offset) * self._tick)

    def nanoseconds(self, ticks: int) -> int:
        return round(ticks * self._tick * 1_000_000_000)  # a Fraction: exact

    def missing_at_end(self, packets: int) -> int:
        """How many pictures the header promised beyond the `packets` that the file holds.

        Where it gives only a duration, which is that of the longest stream, the file is whole if any of its
        streams gets there.
        """
        stream, container = self._stream, self._container
        if self._slot is not None:
            return max(0, (stream.frames - (self._last or 0)) // self._slot - 1)
        if stream.frames:
            return max(0, stream.frames - packets)
        if container.format.name not in PROMISING or container.duration is None:
            return 0
        duration_s, start_s = container.duration / av.time_base, (container.start_time or 0) / av.time_base
        if start_s < duration_s:  # it is the time at the end
            duration_s -= start_s
        else:
            start_s = min([start_s, *self._seconds(self._firsts)])
        slack_s = SLACK_S if len(container.streams) > 1 else 1.5 / self.fps
        reach_s = max(self._seconds(self._ends), default=0.0)
        if duration_s - (reach_s - start_s) < slack_s:
            return 0
        return max(1, round(duration_s * self.fps) - packets)

    def _seconds(self, ticks: Mapping[int, int]) -> list[float]:
        bases = {stream.index: stream.time_base or 0 for stream in self._container.streams}
        return [float(count * bases[number]) for number, count in ticks.items()]


def slot(stream: VideoStream) -> int:
    """Ticks from picture to picture of an AVI: some have an empty chunk behind each."""
    places = [entry.timestamp for entry in islice(stream.index_entries, INDEXED)]
    return max(1, round(median([after - before for before, after in pairwise(places)] or [1])))

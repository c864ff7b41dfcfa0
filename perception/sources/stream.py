"""Video from the network: RTSP cameras and HTTP streams."""

from __future__ import annotations

import time
from collections.abc import Iterator

import av

from perception.errors import SourceError
from perception.redaction import redacted
from perception.sources.clock import VideoPacket
from perception.sources.decode import Decoder
from perception.sources.fresh import FRESH_S, Anchor, FreshPackets
from perception.sources.live import Live, Shot
from perception.sources.recording import Recording, is_picture, open_container

TIMEOUT_S = 5.0  # without a byte: a camera that sends nothing for so long is gone
ENDLESS = ("hls", "mpjpeg")  # the length of an HLS answer is that of its list, and cameras make theirs up
RTSP = {"rtsp_transport": "tcp"}  # over UDP a lost datagram is a grey smear


class StreamCapture:
    """An opened network stream; its frames in order, as fast as they come, and none that waited for long."""

    def __init__(self, url: str, **options: str) -> None:
        self.name = redacted(url)
        self._container = open_container(url, self.name, TIMEOUT_S, **options)
        self._decoder = Decoder(self._container, self.name)
        self._anchor = Anchor(time.monotonic)
        self._timed = self._container.format.name == "rtsp"  # the times of motion JPEG are made up
        packets = self._container.demux(self._decoder.stream)
        restart = self._decoder.restart
        self._packets = FreshPackets(packets, self._time_of, self._anchor, restart, self.name)
        self._too_old = 0  # when they came out of the decoder
        self._shots = self._fresh()

    @property
    def lost(self) -> int:
        return self._decoder.lost

    @property
    def dropped(self) -> int:
        return self._packets.dropped + self._too_old

    @property
    def ends(self) -> bool:
        """It is a picture, or says how long or how large it is: a file that is served, not a camera."""
        container = self._container
        file = container.duration is not None or is_picture(container)
        return file or (container.size > 0 and container.format.name not in ENDLESS)

    def read(self) -> Shot:
        try:
            return next(self._shots)
        except StopIteration:
            raise SourceError(f"{self.name}: expected frames, the stream ended") from None
        except (av.FFmpegError, OSError) as error:
            raise SourceError(f"{self.name}: expected frames, got: {error.strerror}") from error

    def close(self) -> None:
        self._container.close()

    def _fresh(self) -> Iterator[Shot]:
        """Pictures that are old are decoded, because later ones refer to them, but not converted."""
        clock = self._decoder.clock
        for frame, ticks in self._decoder.frames(self._packets if self._timed else self._packets.all()):
            time_s = None if ticks is None or not self._timed else clock.told_s(ticks)
            if time_s is not None and self._anchor.age(time_s) > FRESH_S:
                self._too_old += 1
                continue
            image = self._decoder.image(frame)
            yield Shot(image, 0.0 if time_s is None else max(0.0, self._anchor.age(time_s)))

    def _time_of(self, packet: VideoPacket) -> float | None:
        """In the stream, in seconds."""
        if not self._timed or packet.pts is None or packet.time_base is None:
            return None
        return float(packet.pts * packet.time_base)


def open_rtsp(url: str) -> Live:
    """`rtsp://[user:password@]host[:port]/path`, over TCP."""
    return Live(redacted(url), lambda: StreamCapture(url, **RTSP))


def open_http(url: str) -> Live | Recording:
    """A file that a server has is a recording; an answer without duration and length is live."""
    name = redacted(url)
    capture = StreamCapture(url)
    if capture.ends:
        capture.close()
        return Recording(url, name, TIMEOUT_S)
    waiting: list[StreamCapture] = [capture]  # many cameras serve one viewer at a time: do not open twice
    return Live(name, lambda: waiting.pop() if waiting else StreamCapture(url))

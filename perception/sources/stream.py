"""Video from the network: RTSP cameras and HTTP streams."""

from __future__ import annotations

import av
import numpy as np

from perception.errors import SourceError
from perception.redaction import redacted
from perception.sources.decode import Decoder
from perception.sources.live import Live
from perception.sources.recording import Recording, is_picture, open_container

TIMEOUT_S = 5.0  # without a byte: a camera that sends nothing for so long is gone
ENDLESS = ("hls", "mpjpeg")  # the length of an HLS answer is that of its list, and cameras make theirs up
RTSP = {"rtsp_transport": "tcp"}  # over UDP a lost datagram is a grey smear


class StreamCapture:
    """An opened network stream; its frames in order, as fast as they come."""

    def __init__(self, url: str, **options: str) -> None:
        self.name = redacted(url)
        self._container = open_container(url, self.name, TIMEOUT_S, **options)
        self._decoder = Decoder(self._container, self.name)
        self._pictures = self._decoder.pictures(self._container.demux(self._decoder.stream))

    @property
    def lost(self) -> int:
        return self._decoder.lost

    @property
    def ends(self) -> bool:
        """It is a picture, or says how long or how large it is: a file that is served, not a camera."""
        container = self._container
        file = container.duration is not None or is_picture(container)
        return file or (container.size > 0 and container.format.name not in ENDLESS)

    def read(self) -> np.ndarray:
        try:
            return next(self._pictures).image
        except StopIteration:
            raise SourceError(f"{self.name}: expected frames, the stream ended") from None
        except (av.FFmpegError, OSError) as error:
            raise SourceError(f"{self.name}: expected frames, got: {error.strerror}") from error

    def close(self) -> None:
        self._container.close()


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

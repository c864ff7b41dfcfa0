"""A video file: every frame, and an account of those that are damaged."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import av
from av.container import InputContainer

from perception.errors import AccessError, SourceError
from perception.sources.clock import NO_WRAP, VideoPacket
from perception.sources.decode import Decoder
from perception.sources.foreign import FOREIGN, HEIC_BRANDS
from perception.types import Frame

RETRIES = 3  # read errors before the rest of a file is given up

REFUSED = (av.HTTPUnauthorizedError, av.HTTPForbiddenError)

log = logging.getLogger(__name__)


class Recording:
    """Frames of a video, all of them, in order; every iteration starts again.

    A damaged packet costs only the frames it carried: `seq` has a gap there, `lost` counts them, and a
    warning at the end says how many. So does a file that ends before its header says (where the header
    gives only a duration, the count is an estimate). Stamps are on the clock of the container.
    Raises SourceError if the file is no video or none of its frames can be decoded.
    """

    live = False

    def __init__(self, path: str, label: str = "", timeout_s: float | None = None) -> None:
        """`path` is a file or a URL; `label` stands for it in messages, for URLs with a password."""
        self.path = path
        self.label = label or path
        self.name = Path(self.label).name
        self.lost = 0
        self._timeout_s = timeout_s
        with self._open() as container:  # a wrong file is known before a model is loaded
            self.fps = Decoder(container, self.label).clock.fps
            self.images = is_picture(container)

    def __iter__(self) -> Iterator[Frame]:
        seq = -1
        with self._open() as container:
            decoder = Decoder(container, self.label)
            for image, stamp_ns, seq in decoder.pictures(packets(container, decoder, self.label)):
                self.lost = decoder.lost
                yield Frame(image, stamp_ns, seq, self.name)
            self.lost = decoder.lost + decoder.missing_at_end()
            codec = decoder.stream.codec_context.name
        if seq < 0:
            raise SourceError(
                f"{self.label}: expected a video, but no frame can be decoded ({codec}); copy it again, "
                "or convert it to H.264"
            )
        if self.lost:
            log.warning("%s: %d frames are damaged or missing and were left out", self.label, self.lost)

    def close(self) -> None:
        """Nothing is open between iterations."""

    def _open(self) -> InputContainer:
        return open_container(self.path, self.label, self._timeout_s)


def open_container(
    path: str, label: str, timeout_s: float | tuple[float, float] | None, **options: str
) -> InputContainer:
    """What is at `path`, a file or a URL. `timeout_s`: for opening and for each reading.

    Raises SourceError, which says `label`, if that is no video; AccessError if user or password are wrong.
    """
    if kind := FOREIGN.get(Path(path.partition("?")[0]).suffix.lower()):
        raise SourceError(f"{label}: expected a video, got a picture as {kind}")
    try:
        if os.path.lexists(path):  # a name with a colon is no protocol
            path = f"file:{path}"
        container = av.open(path, options={**NO_WRAP, **options}, timeout=timeout_s)
    except REFUSED as error:
        raise AccessError(f"{label}: expected the right user and password, got: {error.strerror}") from error
    except (av.FFmpegError, OSError, ValueError) as error:
        raise SourceError(f"{label}: expected a video, {remedy(error)}") from error
    if container.metadata.get("major_brand") in HEIC_BRANDS:  # FFmpeg shows its first tile
        container.close()
        raise SourceError(f"{label}: expected a video, got a picture as {FOREIGN['.heic']}")
    if container.format.name == "tty":  # FFmpeg plays text files as terminal recordings
        container.close()
        raise SourceError(f"{label}: expected a video, got a text file")
    return container


def is_picture(container: InputContainer) -> bool:
    """A single one, such as a PNG that a server has."""
    return container.format.name == "image2" or container.format.name.endswith("_pipe")


def remedy(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return "found nothing there; check the path, and quote it if it contains * or spaces"
    if isinstance(error, av.InvalidDataError):
        return (
            "but it is empty, cut off before its index (`moov`), or of another kind; copy or record it again"
        )
    if isinstance(error, av.ExitError):
        return "got no answer in time"
    return f"got: {getattr(error, 'strerror', None) or error}"  # without the URL, which may hold a password


def packets(container: InputContainer, decoder: Decoder, label: str) -> Iterator[VideoPacket]:
    """The packets of the decoder's stream, past places that cannot be read."""
    for _ in range(RETRIES):
        try:
            for packet in container.demux():
                decoder.clock.hear(packet)
                if packet.stream_index == decoder.stream.index:
                    yield cast(VideoPacket, packet)
            return
        except av.FFmpegError as error:  # noqa: PERF203 (only a failure enters the loop again)
            log.warning("%s: %s", label, error)

"""Video from the network or a named pipe: RTSP, RTMP, UDP and HTTP cameras."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing
from errno import ECONNREFUSED, ECONNRESET, EHOSTUNREACH, EIO, ENETUNREACH, ETIMEDOUT
from typing import cast

import av
from av.container import InputContainer

from perception.errors import SourceError
from perception.redaction import redacted
from perception.sources.choices import parted, patience_s, with_login
from perception.sources.clock import NO_WRAP, VideoPacket
from perception.sources.decode import Decoder
from perception.sources.fresh import FRESH_S, Anchor, FreshPackets
from perception.sources.held import this_process
from perception.sources.live import PATIENCE_S, Live, Shot
from perception.sources.pipe import Pipe
from perception.sources.recording import Recording, is_picture, open_container
from perception.sources.waited import Wait, Waited

OPEN_S, READ_S = 5.0, 2.0  # without an answer, without a packet: the camera is gone
FRAMES_S = 3.0  # packets come, and no picture: likewise
ENDLESS = ("hls", "mpjpeg")  # the length of an HLS answer is that of its list, and cameras make theirs up
TIMED = ("rtsp", "mpegts", "flv")  # their times are those of the camera; of motion JPEG they are made up
BEHIND = ("jpeg_pipe", "mjpeg", "h264", "hevc")  # nothing in them tells the end of a picture but the next one
# Not `nobuffer`: it throws away what was read to know the stream, and with it often the only key frame.
QUICK = {"flags": "low_delay", "analyzeduration": "200000", "fpsprobesize": "0"}
TRANSPORTS = ("tcp", "udp")
ABSENT = (ECONNREFUSED, ECONNRESET, EHOSTUNREACH, EIO, ENETUNREACH, ETIMEDOUT)  # EIO: no such name


class StreamCapture:
    """An opened stream; its frames in order, as fast as they come, and none that waited for long."""

    def __init__(
        self,
        container: InputContainer,
        name: str,
        asked_s: float,
        live: bool = True,
        waited: Callable[[float], Wait | None] | None = None,
        behind: Callable[[], bool] | None = None,
    ) -> None:
        """`asked_s`: when opening it began, on the monotonic clock. `live`: the times of its packets tell how
        old they are; else it is told by what had to be waited for: `waited` and `behind` as of `Waited`."""
        self.name = name
        self._container = container
        self._decoder = Decoder(container, name, whole=True)
        self._anchor = Anchor(time.monotonic)
        self._timed = live and container.format.name in TIMED
        self._waiting_s: float | None = None  # since when packets come without a picture
        held = this_process().look
        parsed = container.format.name in BEHIND
        behind = behind or (lambda: parsed)
        self._waited = Waited(self._watched(), time.monotonic, asked_s, waited, held, behind)
        restart = self._decoder.restart
        # A function, not a method: what refers to itself keeps its decoder until garbage is collected.
        self._packets = FreshPackets(self._waited, _time_s, self._anchor, restart, name)
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
        except av.ExitError as error:
            raise SourceError(f"{self.name}: expected frames, got none for {READ_S:.0f} s") from error
        except (av.FFmpegError, OSError) as error:
            raise SourceError(f"{self.name}: expected frames, got: {error.strerror}") from error

    def close(self) -> None:
        self._container.close()

    def _watched(self) -> Iterator[VideoPacket]:
        """Those of the picture stream. Sound alone is no sign of life."""
        heard_s = time.monotonic()
        for packet in self._container.demux():
            if packet.stream_index == self._decoder.stream.index:
                heard_s = time.monotonic()
                yield cast(VideoPacket, packet)
            elif time.monotonic() - heard_s > FRAMES_S:
                raise self._blind("sound without pictures")

    def _decodable(self, packets: Iterable[VideoPacket]) -> Iterator[VideoPacket]:
        """Those that are decoded: packets out of which no picture comes are no sign of life, either."""
        for packet in packets:
            self._waiting_s = self._waiting_s or time.monotonic()
            if time.monotonic() - self._waiting_s > FRAMES_S:
                raise self._blind("packets without a picture")
            yield packet

    def _blind(self, got: str) -> SourceError:
        return SourceError(f"{self.name}: expected frames, got {got} for {FRAMES_S:.0f} s")

    def _fresh(self) -> Iterator[Shot]:
        """Pictures that are old are decoded, where later ones refer to them, but not converted."""
        clock = self._decoder.clock
        for frame, ticks in self._decoder.frames(self._decodable(self._worth_decoding())):
            self._waiting_s = None
            time_s = None if ticks is None or not self._timed else clock.told_s(ticks)
            taken_s = self._taken_s(time_s)
            if time.monotonic() - taken_s > FRESH_S:
                self._too_old += 1
                continue
            yield Shot(self._decoder.image(frame), taken_s)

    def _worth_decoding(self) -> Iterator[VideoPacket]:
        if self._timed:
            return iter(self._packets)
        alone = self._decoder.stream.codec_context.codec.intra_only
        return self._packets.untimed(lambda: self._waited.age_s, alone)

    def _taken_s(self, time_s: float | None) -> float:
        """When a picture with that time in the stream was taken; None: it is not known."""
        return self._waited.since_s if time_s is None else self._anchor.taken_s(time_s)


def _time_s(packet: VideoPacket) -> float | None:
    """In the stream, as it tells it."""
    if packet.pts is None or packet.time_base is None:
        return None
    return float(packet.pts * packet.time_base)


def open_stream(text: str) -> Live:
    """`rtsp://[user:password@]host[:port]/path`, `rtmp://…`, `udp://@:port`.

    `#transport=udp` (RTSP; usually tcp: over UDP a lost datagram is a grey smear), `#login=env:VARIABLE`
    or `#login=file:PATH`.
    """
    url, chosen = parted(text, ("transport", "login"))
    transport = chosen.get("transport", "tcp")
    if transport not in TRANSPORTS:
        raise SourceError(f"{redacted(url)}: expected transport={' or '.join(TRANSPORTS)}, got {transport!r}")
    options = {**QUICK, "rtsp_transport": transport} if url.startswith("rtsp") else QUICK
    opener = _opener(url, chosen.get("login"), options)
    return Live(redacted(url), opener, patience_s(chosen, PATIENCE_S))


def open_http(text: str) -> Live | Recording:
    """A file that a server has is a recording; an answer without duration and length is live, and so is a
    server that does not answer yet, or says that it cannot."""
    url, chosen = parted(text, ("login",))
    patience, login, name = patience_s(chosen, PATIENCE_S), chosen.get("login"), redacted(url)
    opener = _opener(url, login, {}, live=False)
    try:
        capture = opener()
    except SourceError as error:
        if _is_absent(error.__cause__):
            return Live(name, opener, patience)
        raise
    if capture.ends:
        capture.close()
        return Recording(url if login is None else with_login(url, login), name, OPEN_S)
    waiting: list[StreamCapture] = [capture]  # many cameras serve one viewer at a time: do not open twice
    return Live(name, lambda: waiting.pop() if waiting else opener(), patience)


def _is_absent(cause: BaseException | None) -> bool:
    """Whether a server that gave this error may answer later."""
    if isinstance(cause, av.HTTPServerError | av.ExitError):  # ExitError: it did not answer in time
        return True
    return isinstance(cause, OSError) and cause.errno in ABSENT


def open_pipe(path: str) -> Live:
    """A named pipe into which another program writes video."""
    return Live(path, lambda: PipeCapture(path))


def _opener(
    url: str, login: str | None, options: dict[str, str], live: bool = True
) -> Callable[[], StreamCapture]:
    name = redacted(url)

    def opened() -> StreamCapture:
        """The login is read each time: it may be put right while we wait."""
        full, asked_s = url if login is None else with_login(url, login), time.monotonic()
        return StreamCapture(open_container(full, name, (OPEN_S, READ_S), **options), name, asked_s, live)

    return opened


class PipeCapture(StreamCapture):
    """The reader of a named pipe; FFmpeg's own would wait in the kernel for a writer, deaf to all."""

    def __init__(self, path: str) -> None:
        """Raises SourceError: there is no pipe any more, or no video in it."""
        asked_s = time.monotonic()
        with ExitStack() as opened:  # closed again if something is amiss
            try:
                self._file = opened.enter_context(closing(Pipe(path)))
                jpegs = self._file.holds_jpegs()
                kind = "mjpeg" if jpegs else None
                container = av.open(self._file, "r", kind, options={**NO_WRAP, **QUICK})
            except (av.FFmpegError, OSError, ValueError) as error:
                raise SourceError(f"{path}: expected video in the pipe, got: {error}") from error
            opened.callback(container.close)
            behind = self._file.behind if jpegs else None
            super().__init__(container, path, asked_s, waited=self._file.waited, behind=behind)
            opened.pop_all()

    def close(self) -> None:
        super().close()
        self._file.close()

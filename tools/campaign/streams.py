"""What cameras of this Python send: motion JPEG and MPEG-TS into named pipes, motion JPEG over HTTP."""

from __future__ import annotations

import base64
import errno
import io
import os
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import av
import cv2

from tools.campaign.picture import Image

Harm = Callable[[bytes], bytes]
QUALITY = 75
KEY_EVERY = 8
BEGIN_S = 10.0  # of the times in a stream, so that they may jump back
START = b"\0\0\0\1"  # of a NAL unit: the muxer asks for it
WRITE_S = 1.0  # a reader that takes nothing for so long misses the picture


def jpeg(image: Image) -> bytes:
    return cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


class _Fifo:
    """The writing end of a named pipe, opened when somebody reads."""

    def __init__(self, path: str) -> None:
        self._path, self._descriptor = path, -1

    @property
    def opened(self) -> bool:
        return self._descriptor >= 0

    def open(self) -> bool:
        """Whether somebody reads."""
        if not self.opened:
            try:
                self._descriptor = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
            except OSError as error:
                if error.errno not in (errno.ENXIO, errno.ENOENT):
                    raise
        return self.opened

    def write(self, data: bytes) -> bool:
        """The whole, or the pipe is closed: half a picture would stand before the next one."""
        view, end = memoryview(data), time.monotonic() + WRITE_S
        while view and self.opened:
            taken = self._take(view)
            view = view[taken:]
            if not taken:
                if time.monotonic() > end and len(view) == len(data):
                    return False  # nothing of it is in the pipe
                time.sleep(0.002)
        return self.opened

    def _take(self, view: memoryview) -> int:
        """How much the pipe took; it is closed if nobody reads any more."""
        try:
            return os.write(self._descriptor, view)
        except BlockingIOError:
            return 0
        except BrokenPipeError:
            self.close()
            return 0

    def close(self) -> None:
        if self.opened:
            os.close(self._descriptor)
        self._descriptor = -1


class JpegPipe:
    """One JPEG after the other."""

    def __init__(self, path: str, login: Path | None) -> None:
        self._fifo = _Fifo(path)

    def plug(self, there: bool) -> None:
        if not there:
            self._fifo.close()

    def send(self, image: Image, jump_s: float, harm: Harm) -> bool:
        return self._fifo.open() and self._fifo.write(harm(jpeg(image)))


class TsPipe:
    """H.264 in MPEG-TS."""

    def __init__(self, path: str, login: Path | None) -> None:
        self._fifo = _Fifo(path)
        self._began = time.monotonic()
        self._stream: _Ts | None = None
        self._jumped_s = 0.0

    def plug(self, there: bool) -> None:
        if not there:
            self._fifo.close()

    def send(self, image: Image, jump_s: float, harm: Harm) -> bool:
        if not self._fifo.opened:
            self._stream = None  # who comes gets a stream from its beginning
            if not self._fifo.open():
                return False
        if self._stream is None or jump_s < self._jumped_s:  # a muxer takes no time that goes back
            self._stream = _Ts()
        self._jumped_s = jump_s
        at_s = time.monotonic() - self._began + BEGIN_S + jump_s
        return self._fifo.write(self._stream.encoded(image, at_s, harm))


class _Ts:
    """A stream. Another size is another encoder in the same stream, as cameras do it."""

    def __init__(self) -> None:
        self._buffer = _Buffer()
        self._container = av.open(self._buffer, "w", format="mpegts", options={"flush_packets": "1"})
        self._stream = self._container.add_stream("libx264", rate=12)
        self._stream.pix_fmt = "yuv420p"
        self._encoder: av.VideoCodecContext | None = None

    def encoded(self, image: Image, at_s: float, harm: Harm) -> bytes:
        encoder = self._encoder
        if encoder is None or (encoder.width, encoder.height) != image.shape[1::-1]:
            encoder = self._encoder = _encoder(image)
        frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(format="yuv420p")
        frame.pts, frame.time_base = round(at_s * 90_000), Fraction(1, 90_000)
        for packet in encoder.encode(frame):
            sent = av.Packet(START + harm(bytes(packet)))
            sent.pts = sent.dts = packet.pts
            sent.time_base, sent.stream = packet.time_base, self._stream
            sent.is_keyframe = packet.is_keyframe
            self._container.mux(sent)
        return self._buffer.taken()


class _Buffer(io.RawIOBase):
    """What the muxer writes to."""

    def __init__(self) -> None:
        self._data = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        self._data += part
        return len(part)

    def taken(self) -> bytes:
        data = bytes(self._data)
        self._data.clear()
        return data


def _encoder(image: Image) -> av.VideoCodecContext:
    encoder = av.CodecContext.create("libx264", "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width, encoder.height, encoder.pix_fmt = image.shape[1], image.shape[0], "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(12), Fraction(1, 90_000)
    encoder.gop_size = KEY_EVERY
    encoder.options = {
        "tune": "zerolatency",
        "preset": "superfast",
        "qp": "24",
        "x264-params": "annexb=1:repeat-headers=1:threads=1",
    }
    return encoder


class HttpJpeg:
    """Motion JPEG as IP cameras send it: a multipart answer without end."""

    def __init__(self, port: str, login: Path | None) -> None:
        self._changed = threading.Condition()
        self._picture, self._count, self._there = b"", 0, True
        self._login, self._viewers = login, 0
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner._answer(self)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = allow_reuse_address = True

            def handle_error(self, *_: object) -> None:
                pass  # who looks may hang up

        server = Server(("127.0.0.1", int(port)), Handler)
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()

    def plug(self, there: bool) -> None:
        with self._changed:
            self._there = there
            self._changed.notify_all()

    def send(self, image: Image, jump_s: float, harm: Harm) -> bool:
        with self._changed:
            self._picture, self._count = harm(jpeg(image)), self._count + 1
            self._changed.notify_all()
            return self._viewers > 0

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        if not self._there:
            request.send_error(503)
            return
        if self._login is not None and not self._known(request):
            request.send_response(401)
            request.send_header("WWW-Authenticate", 'Basic realm="camera"')
            request.end_headers()
            return
        request.send_response(200)
        request.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
        request.end_headers()
        with self._changed:
            self._viewers, seen = self._viewers + 1, self._count
        try:
            while (taken := self._next(seen)) is not None:
                picture, seen = taken
                head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
                request.wfile.write(head.encode() + picture + b"\r\n")
        finally:
            self._viewers -= 1
            request.close_connection = True

    def _next(self, seen: int) -> tuple[bytes, int] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._count > seen or not self._there)
            return (self._picture, self._count) if self._there else None

    def _known(self, request: BaseHTTPRequestHandler) -> bool:
        assert self._login is not None
        asked = base64.b64encode(self._login.read_text().strip().encode()).decode()
        return request.headers.get("Authorization") == f"Basic {asked}"


STREAMS: dict[str, Callable[[str, Path | None], JpegPipe | TsPipe | HttpJpeg]] = {
    "pipe": JpegPipe,
    "ts": TsPipe,
    "http": HttpJpeg,
}

"""Cameras on this machine's loopback, as small as they can be. Each hangs up after a few pictures."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseServer, StreamRequestHandler, ThreadingTCPServer

import av
import cv2

from tests.sources.clips import SIZE, picture

PICTURES = 5  # for each client
PAUSE_S = 0.02  # between two pictures
SDP = """v=0\r
o=- 0 0 IN IP4 127.0.0.1\r
s=test\r
c=IN IP4 0.0.0.0\r
t=0 0\r
m=video 0 RTP/AVP 96\r
a=rtpmap:96 H264/90000\r
a=fmtp:96 packetization-mode=0\r
a=control:track0\r
"""


class RtspCamera(StreamRequestHandler):
    """RTSP (RFC 2326) with RTP in the same connection, one packet for a NAL unit (RFC 6184)."""

    def handle(self) -> None:
        for line in self.rfile:
            method = line.split()[0].decode()
            header = dict(iter(lambda: self.rfile.readline().decode().strip().partition(": ")[::2], ("", "")))
            self.reply(header["CSeq"], SDP if method == "DESCRIBE" else "")
            if method == "PLAY":
                self.play()
                break

    def reply(self, number: str, body: str) -> None:
        head = [
            "RTSP/1.0 200 OK",
            f"CSeq: {number}",
            "Public: DESCRIBE, SETUP, PLAY, TEARDOWN",
            "Session: 1",
            "Transport: RTP/AVP/TCP;unicast;interleaved=0-1",
            "Content-Type: application/sdp",
            f"Content-Length: {len(body)}",
        ]
        self.wfile.write("\r\n".join([*head, "", body]).encode())

    def play(self) -> None:
        number = 0
        for k in range(PICTURES):
            for unit, last in key_frame(k):
                rtp = struct.pack(">BBHII", 0x80, 96 | last << 7, number, k * 3600, 7) + unit
                self.wfile.write(struct.pack(">cBH", b"$", 0, len(rtp)) + rtp)
                number += 1
            time.sleep(PAUSE_S)


def key_frame(k: int) -> list[tuple[bytes, bool]]:
    """The NAL units of picture k with its parameter sets, and whether each is the last."""
    encoder = av.CodecContext.create("libx264", "w")
    encoder.width, encoder.height, encoder.pix_fmt = *SIZE, "yuv420p"
    encoder.framerate = 25
    encoder.options = {"tune": "zerolatency", "x264-params": "annexb=1:repeat-headers=1:threads=1"}
    data = b"".join(map(bytes, encoder.encode(av.VideoFrame.from_ndarray(picture(k), format="bgr24"))))
    units = [unit.strip(b"\0") for unit in data.split(b"\0\0\1")[1:]]
    return [(unit, unit is units[-1]) for unit in units]


class HttpCamera(BaseHTTPRequestHandler):
    """Motion JPEG as IP cameras send it: a multipart answer without end."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=next")
        self.end_headers()
        for k in range(PICTURES):
            jpeg = cv2.imencode(".jpg", picture(k))[1].tobytes()
            head = f"--next\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            self.wfile.write(head.encode() + jpeg + b"\r\n")
            time.sleep(PAUSE_S)

    def log_message(self, *_: object) -> None:
        pass


class HttpFile(BaseHTTPRequestHandler):
    """A video file, whatever is asked for."""

    content = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.content)))
        self.end_headers()
        self.wfile.write(self.content)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(handler: type[StreamRequestHandler]) -> Iterator[str]:
    """`127.0.0.1:PORT` of a server that answers with `handler` while the block runs."""
    kind = ThreadingHTTPServer if issubclass(handler, BaseHTTPRequestHandler) else ThreadingTCPServer
    server: BaseServer = kind(("127.0.0.1", 0), handler)
    server.handle_error = lambda *_: None  # a client may hang up
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()

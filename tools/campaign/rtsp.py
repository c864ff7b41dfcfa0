"""An RTSP camera by Debian's GStreamer RTSP server. Runs in the Python of the system, which has its bindings.

Packages: python3-gi gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-good gstreamer1.0-plugins-ugly
python3-opencv.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

from tools.campaign.picture import Image  # noqa: E402

PATH = "/front"
ENCODER = (
    "appsrc name=pictures is-live=true do-timestamp=true format=time "
    "! videoconvert ! video/x-raw,format=I420 "
    "! x264enc tune=zerolatency speed-preset=superfast quantizer=24 pass=quant key-int-max=6 threads=1 "
    "! video/x-h264,stream-format=byte-stream,alignment=au ! appsink name=encoded sync=false"
)
SERVED = (
    "( appsrc name=camera is-live=true do-timestamp=true format=time block=false max-bytes=4000000 "
    "caps=video/x-h264,stream-format=byte-stream,alignment=au "
    "! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)
ENCODED_S = 5.0


class Encoder:
    """A stream: its first picture stands for itself."""

    def __init__(self) -> None:
        self._pipeline = Gst.parse_launch(ENCODER)
        self._pictures, self._encoded = map(self._pipeline.get_by_name, ("pictures", "encoded"))
        self._size: tuple[int, int] | None = None
        self._pipeline.set_state(Gst.State.PLAYING)

    def __call__(self, image: Image) -> bytes:
        size = image.shape[1], image.shape[0]
        if size != self._size:
            self._size = size
            text = f"video/x-raw,format=BGR,width={size[0]},height={size[1]},framerate=12/1"
            self._pictures.set_property("caps", Gst.Caps.from_string(text))
        self._pictures.emit("push-buffer", Gst.Buffer.new_wrapped(image.tobytes()))
        buffer = self._encoded.emit("try-pull-sample", round(ENCODED_S * Gst.SECOND)).get_buffer()
        return bytes(buffer.extract_dup(0, buffer.get_size()))

    def close(self) -> None:
        self._pipeline.set_state(Gst.State.NULL)


class Rtsp:
    def __init__(self, port: int, login: Path | None) -> None:
        Gst.init(None)
        self._source: Any = None
        self._encoder: Encoder | None = None
        self._encoded_for: Any = None  # source
        self._there = False
        self._server = GstRtspServer.RTSPServer(service=str(port), address="127.0.0.1")
        if login is not None:
            self._server.set_auth(_auth(login))
        self._factory = GstRtspServer.RTSPMediaFactory(shared=True)
        self._factory.set_launch(SERVED)
        self._factory.connect("media-configure", self._configured)
        if login is not None:
            self._factory.add_role_from_structure(_role())
        self._server.attach(None)
        threading.Thread(target=GLib.MainLoop().run, daemon=True).start()

    def plug(self, there: bool) -> None:
        if there == self._there:
            return
        self._there = there
        mounts = self._server.get_mount_points()
        if there:
            mounts.add_factory(PATH, self._factory)
        else:
            mounts.remove_factory(PATH)
            self._server.client_filter(lambda server, client: GstRtspServer.RTSPFilterResult.REMOVE)
            self._source = None

    def send(self, image: Image, jump_s: float, harm: Callable[[bytes], bytes]) -> bool:
        source = self._source
        if source is None:
            return False
        if self._encoder is None or source is not self._encoded_for:
            if self._encoder is not None:
                self._encoder.close()
            self._encoder, self._encoded_for = Encoder(), source
        data = harm(self._encoder(image))
        return source.emit("push-buffer", Gst.Buffer.new_wrapped(data)) == Gst.FlowReturn.OK

    def _configured(self, factory: Any, media: Any) -> None:
        self._source = media.get_element().get_by_name_recurse_up("camera")
        media.connect("unprepared", self._gone)

    def _gone(self, media: Any) -> None:
        self._source = None


def _auth(login: Path) -> Any:
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "user")
    user, _, password = login.read_text().strip().partition(":")
    auth.add_basic(GstRtspServer.RTSPAuth.make_basic(user, password), token)
    return auth


def _role() -> Any:
    role = Gst.Structure.new_empty("user")
    role.set_value(GstRtspServer.RTSP_PERM_MEDIA_FACTORY_ACCESS, True)
    role.set_value(GstRtspServer.RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, True)
    return role

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
PIPELINE = (
    "( appsrc name=camera is-live=true do-timestamp=true format=time block=false max-bytes=4000000 "
    "! videoconvert ! video/x-raw,format=I420 "
    "! x264enc name=encoder tune=zerolatency speed-preset=ultrafast quantizer=24 pass=quant "
    "key-int-max=8 threads=1 byte-stream=true ! rtph264pay name=pay0 pt=96 config-interval=-1 )"
)


class Rtsp:
    def __init__(self, port: int, login: Path | None) -> None:
        Gst.init(None)
        self._source: Any = None
        self._size: tuple[int, int] | None = None
        self._harm: Callable[[bytes], bytes] = bytes
        self._there = False
        self._server = GstRtspServer.RTSPServer(service=str(port), address="127.0.0.1")
        if login is not None:
            self._server.set_auth(_auth(login))
        self._factory = GstRtspServer.RTSPMediaFactory(shared=True)
        self._factory.set_launch(PIPELINE)
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
        source, self._harm = self._source, harm
        if source is None:
            return False
        size = image.shape[1], image.shape[0]
        if size != self._size:
            self._size = size
            text = f"video/x-raw,format=BGR,width={size[0]},height={size[1]},framerate=0/1"
            source.set_property("caps", Gst.Caps.from_string(text))
        return source.emit("push-buffer", Gst.Buffer.new_wrapped(image.tobytes())) == Gst.FlowReturn.OK

    def _configured(self, factory: Any, media: Any) -> None:
        element = media.get_element()
        encoder = element.get_by_name_recurse_up("encoder")
        encoder.get_static_pad("src").add_probe(Gst.PadProbeType.BUFFER, self._encoded)
        self._size, self._source = None, element.get_by_name_recurse_up("camera")
        media.connect("unprepared", self._gone)

    def _gone(self, media: Any) -> None:
        self._source = None

    def _encoded(self, pad: Any, info: Any) -> Any:
        """Harm is done behind the encoder."""
        if self._harm is not bytes:
            buffer = info.get_buffer()
            found, mapped = buffer.map(Gst.MapFlags.READ)
            if found:
                data = bytes(mapped.data)
                buffer.unmap(mapped)
                harmed = self._harm(data)
                buffer.remove_all_memory()
                buffer.append_memory(Gst.Memory.new_wrapped(0, harmed, len(harmed), 0, None, None))
        return Gst.PadProbeReturn.OK


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

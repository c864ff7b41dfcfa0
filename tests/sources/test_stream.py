"""Network streams, from real servers on the loopback."""

import gc
import time
import weakref
from contextlib import closing, suppress
from socket import create_server

import cv2
import pytest

from perception.errors import SourceError
from perception.sources import open_source, stream
from perception.sources.recording import open_container
from perception.sources.stream import StreamCapture
from tests.sources.clips import number, numbered, picture, timed
from tests.sources.servers import PICTURES, HttpCamera, HttpFile, RtspCamera, serving

CAMERAS = [("rtsp", RtspCamera), ("http", HttpCamera)]


@pytest.mark.parametrize(("scheme", "camera"), CAMERAS)
def test_a_camera_is_live_and_is_opened_again_when_it_hangs_up(scheme, camera):
    with serving(camera) as address, closing(open_source(f"{scheme}://{address}/cam")) as source:
        seqs = []
        for frame in source:
            assert number(frame.image) == frame.seq % PICTURES
            seqs.append(frame.seq)
            if frame.seq >= PICTURES:  # more than one connection gives
                break
    assert source.live
    assert seqs == sorted(set(seqs))


@pytest.mark.parametrize(("scheme", "camera"), CAMERAS)
def test_a_camera_that_has_failed_lets_go_of_its_memory(scheme, camera):
    """At once, and not when garbage is collected: it is opened again and again."""
    gc.disable()
    try:
        with serving(camera) as address:
            container = open_container(f"{scheme}://{address}/cam", "cam", (5.0, 2.0), rtsp_transport="tcp")
            capture = StreamCapture(container, "cam", time.monotonic(), live=scheme == "rtsp")
            with suppress(SourceError), closing(capture):  # it hangs up
                while True:
                    capture.read()
        here = weakref.ref(capture)
        del capture
        assert here() is None
    finally:
        gc.enable()


def test_with_a_wrong_wait_no_camera_is_opened():
    asked = []

    class Camera(HttpCamera):
        def do_GET(self):
            asked.append(self.path)
            super().do_GET()

    with serving(Camera) as address, pytest.raises(SourceError, match="wait"):
        open_source(f"http://{address}/cam#wait=long")
    assert asked == []


def test_an_http_camera_that_does_not_answer_yet_is_waited_for(monkeypatch):
    monkeypatch.setattr(stream, "OPEN_S", 0.2)
    with create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with closing(open_source(f"http://127.0.0.1:{port}/cam#wait=0.5")) as source:
            assert source.live
            with pytest.raises(SourceError, match=r"none for 0 s \(.* got no answer in time\)"):
                next(iter(source))


def test_an_http_camera_whose_name_is_not_known_yet_is_waited_for():
    with closing(open_source("http://camera.invalid/cam#wait=0.5")) as source:
        assert (source.live, source.patience_s) == (True, 0.5)


def stored(folder, name):
    """A file without a duration, and how many pictures it holds."""
    if name == "a.png":
        return cv2.imencode(name, picture(0))[1].tobytes(), 1
    webm = name == "a.webm"
    timed(folder / name, range(40), "libvpx" if webm else "libx264", **{"live": "1"} if webm else {})
    return (folder / name).read_bytes(), 40


@pytest.mark.parametrize("name", ["a.png", "a.webm", "a.h264", "a.ts"])
def test_a_file_without_a_duration_on_a_server_ends(tmp_path, name):
    class File(HttpFile):
        content, count = stored(tmp_path, name)

    with serving(File) as address, closing(open_source(f"http://{address}/{name}")) as source:
        assert not source.live
        assert [number(frame.image) for frame in source] == list(range(File.count))
        assert (source.images, source.lost) == (name == "a.png", 0)


def test_a_video_on_a_server_is_a_recording(tmp_path):
    class Clip(HttpFile):
        content = numbered(tmp_path / "a.mp4", movflags="faststart").read_bytes()

    with serving(Clip) as address:
        source = open_source(f"http://me:secret@{address}/day/clip.mp4")
        frames = list(source)
    assert not source.live
    assert [number(f.image) for f in frames] == list(range(40))
    assert frames[0].source == "clip.mp4"

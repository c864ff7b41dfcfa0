"""What is chosen behind #, and logins that stand in no output."""

from __future__ import annotations

import os

import cv2
import pytest

from perception.errors import BackendUnavailable, SourceError
from perception.sources import open_source
from perception.sources.camera import V4l2Capture, properties
from perception.sources.choices import parted, with_login
from perception.sources.gst import has_gstreamer


@pytest.mark.parametrize(
    "text",
    ["0#colour=red", "0#size=large", "0#size", "0#wait=long", "rtsp://me:secret@10.0.0.7/a#transport=pigeon"],
)
def test_a_choice_that_is_none_is_refused(text):
    with pytest.raises(SourceError, match="expected") as caught:
        open_source(text)
    assert "secret" not in str(caught.value)


def test_a_hash_in_a_password_chooses_nothing():
    assert parted("rtsp://me:a#b=c@10.0.0.7/x", []) == ("rtsp://me:a#b=c@10.0.0.7/x", {})


def test_what_the_driver_is_told():
    told = properties({"size": "640x480", "fps": "15", "exposure": "12.5"})
    assert told[cv2.CAP_PROP_FRAME_WIDTH] == 640
    assert (told[cv2.CAP_PROP_AUTO_EXPOSURE], told[cv2.CAP_PROP_EXPOSURE]) == (1, 125.0)


def test_a_silent_camera_is_given_up_after_two_seconds(tmp_path, monkeypatch):
    (tmp_path / "video0").touch()
    monkeypatch.delenv("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", raising=False)
    with pytest.raises(SourceError, match="could not open it"):
        V4l2Capture(str(tmp_path / "video0"), {})
    assert os.environ["OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT"] == "2"


def test_a_login_comes_from_a_file(tmp_path):
    (tmp_path / "login").write_text("me:p@ss:w/rd\n")
    url = with_login("rtsp://old:one@10.0.0.7:554/a?b=c@d", f"file:{tmp_path}/login")
    assert url == "rtsp://me:p%40ss%3Aw%2Frd@10.0.0.7:554/a?b=c@d"


@pytest.mark.parametrize("kind", ["file", "env"])
def test_a_login_is_text_in_utf8(tmp_path, kind):
    def told(data):
        (tmp_path / "login").write_bytes(data)
        where = {"file": f"file:{tmp_path}/login", "env": "env:CAM"}[kind]
        return with_login("rtsp://10.0.0.7/a", where, {"CAM": os.fsdecode(data)})

    assert told("me:hümmel".encode("utf-8-sig")) == "rtsp://me:h%C3%BCmmel@10.0.0.7/a"
    with pytest.raises(SourceError, match="other bytes than text in UTF-8") as caught:
        told("me:hümmel".encode("latin-1"))
    assert "mmel" not in str(caught.value)


@pytest.mark.parametrize("where", ["file:/absent", "env:ABSENT", "me:secret", "env:BAD"])
def test_a_login_that_is_not_there_is_told_without_it(where):
    with pytest.raises(SourceError, match=r"10\.0\.0\.7") as caught:
        with_login("rtsp://me:hidden@10.0.0.7/a", where, {"BAD": "hidden"})
    assert "hidden" not in str(caught.value)


@pytest.mark.parametrize("text", ["csi:0", 'gst:"videotestsrc"'])
@pytest.mark.skipif(has_gstreamer(), reason="this OpenCV has GStreamer")
def test_an_opencv_without_gstreamer_says_what_to_install(text):
    with pytest.raises(BackendUnavailable) as caught:
        open_source(text)
    assert "python3-opencv" in caught.value.remedy

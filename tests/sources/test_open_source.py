"""The table of sources: which name means what."""

from contextlib import closing

import pytest

from perception.errors import SourceError
from perception.sources import open_source
from tests.sources.clips import numbered
from tests.waiting import wait_until


@pytest.mark.parametrize(
    "text", ["", "synthtic:3", "synthetic:x", "ftp://host/clip.mp4", "csi-0:", "rtsp://", "synthetic:1:2:3"]
)
def test_an_unknown_kind_is_answered_with_the_known_ones(text):
    with pytest.raises(SourceError, match=r"expected a camera number, a URL .*, synthetic:SEED"):
        open_source(text)


def trouble(text):
    """What the health of an absent camera says."""
    with closing(open_source(text)) as source:
        told = {}
        wait_until(lambda: "no_camera" in told or told.update(reasons(source)))
    return told["no_camera"]


def reasons(source):
    return {reason.name: reason.text for reason in source.health.report(0).reasons}


@pytest.mark.parametrize("text", ["97", "/dev/video97"])
def test_a_missing_camera_says_where_to_look(text):
    assert trouble(text).startswith("/dev/video97: expected a camera, found none; plug one in")


@pytest.mark.parametrize("name", ["clip[1].mp4", "night*.mkv", "7.avi", "a:b.ts"])
def test_a_file_is_a_file_whatever_its_name_looks_like(tmp_path, name):
    assert len(list(open_source(str(numbered(tmp_path / name))))) == 40


def test_synthetic_scenes_are_a_recording():
    source = open_source("synthetic:7:2")
    assert (source.live, source.images, source.lost) == (False, False, 0)


@pytest.mark.parametrize("scheme", ["rtsp", "http"])
def test_a_server_that_is_not_there_is_waited_for_and_its_password_hidden(scheme):
    text = trouble(f"{scheme}://user:secret@127.0.0.1:9/live")
    assert f"{scheme}://127.0.0.1:9/live" in text
    assert "Connection refused" in text
    assert "secret" not in text


@pytest.mark.parametrize(("name", "kind"), [("a.HEIC?size=full", "HEIC"), ("a.jxl", "JPEG XL")])
def test_a_picture_on_a_server_that_needs_converting_is_named(name, kind):
    with pytest.raises(SourceError, match=f"got a picture as {kind}; convert"):
        open_source(f"http://127.0.0.1:9/{name}")

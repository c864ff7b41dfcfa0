"""Network streams, from real servers on the loopback."""

from contextlib import closing

import pytest

from perception.sources import open_source
from tests.sources.clips import number, numbered
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


def test_a_video_on_a_server_is_a_recording(tmp_path):
    class Clip(HttpFile):
        content = numbered(tmp_path / "a.mp4", movflags="faststart").read_bytes()

    with serving(Clip) as address:
        source = open_source(f"http://me:secret@{address}/day/clip.mp4")
        frames = list(source)
    assert not source.live
    assert [number(f.image) for f in frames] == list(range(40))
    assert frames[0].source == "clip.mp4"

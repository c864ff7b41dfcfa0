"""The painted video: read back, interrupted, of odd and changing sizes."""

from contextlib import closing

import numpy as np
import pytest

from perception.sinks import OverlayVideo
from perception.sources import open_source
from tests.sinks.fakes import TASKS, FakeTask, empty, frame

RED = (0, 0, 255)


def written(path, frames, tasks=TASKS, **settings):
    """The frames as they are read back from the video that was written of them."""
    sink = OverlayVideo(path, 25.0, tasks, **settings)
    for of in frames:
        sink.write(of, empty(of))
    sink.close()
    return list(open_source(str(path)))


@pytest.mark.parametrize("encoder", ["libx264", "mpeg4"])
def test_every_frame_is_in_it_painted_and_in_time(tmp_path, encoder):
    got = written(tmp_path / "a.mp4", [frame(k, value=100) for k in range(12)], encoders=["none", encoder])
    assert [f.stamp_ns - got[0].stamp_ns for f in got] == [k * 40_000_000 for k in range(12)]
    np.testing.assert_allclose(got[5].image[48:60, 60:90].mean(axis=(0, 1)), RED, atol=20)
    np.testing.assert_allclose(got[5].image[40:60, 10:40], 100, atol=10)


def test_the_frame_itself_is_not_painted(tmp_path):
    of = frame(value=100)
    written(tmp_path / "a.mp4", [of])
    assert (of.image == 100).all()


def test_a_line_of_text_says_frame_and_time(tmp_path):
    (got,) = written(tmp_path / "a.mp4", [frame(size=(640, 384), value=100)], tasks=())
    assert (got.image[:20, :60] > 200).any()
    np.testing.assert_allclose(got.image[40:], 100, atol=10)


def test_dropped_frames_do_not_change_the_speed(tmp_path):
    got = written(tmp_path / "a.mp4", [frame(k) for k in (0, 1, 7, 8)])
    assert np.diff([f.stamp_ns for f in got]).tolist() == [40_000_000, 240_000_000, 40_000_000]


def test_stamps_that_stand_still_or_leap_give_way_to_the_rate(tmp_path):
    got = written(tmp_path / "a.mp4", [frame(k) for k in (5, 5, 3, 10**9, 10**9 + 1)])
    assert np.diff([f.stamp_ns for f in got]).tolist() == [40_000_000] * 4


@pytest.mark.parametrize(("size", "video"), [((97, 63), (98, 64)), ((96, 63), (96, 64)), ((1, 1), (2, 2))])
def test_an_odd_size_grows_by_a_pixel(tmp_path, size, video):
    got = written(tmp_path / "a.mp4", [frame(k, size) for k in range(3)], tasks=())
    assert [f.size for f in got] == [video] * 3


def test_frames_of_another_size_are_letterboxed_into_the_first(tmp_path):
    sizes = [(96, 64), (64, 96), (200, 50), (96, 64)]
    got = written(tmp_path / "a.mp4", [frame(k, s, value=255) for k, s in enumerate(sizes)], tasks=())
    assert [f.size for f in got] == [(96, 64)] * 4
    assert abs(int(got[1].image[50, 48].mean()) - 255) < 10  # the picture in the middle
    assert abs(int(got[1].image[50, 5].mean()) - 114) < 10  # grey beside it


def until_interrupted(sink, frames):
    for k in range(frames):
        sink.write(frame(k), empty(frame(k)))
    raise KeyboardInterrupt


def test_an_interrupted_run_leaves_a_playable_file(tmp_path):
    path = tmp_path / "a.mp4"
    with pytest.raises(KeyboardInterrupt), closing(OverlayVideo(path, 25.0, TASKS)) as sink:
        until_interrupted(sink, 10)
    assert len(list(open_source(str(path)))) == 10
    assert list(tmp_path.iterdir()) == [path]


def test_what_a_killed_run_leaves_plays(tmp_path):
    with closing(OverlayVideo(tmp_path / "a.mp4", 25.0, ())) as sink:
        for k in range(150):
            sink.write(frame(k), empty(frame(k)))
        part = list(open_source(str(tmp_path / "a.mp4.part")))
    assert len(part) >= 50  # to a key frame not long ago


def test_without_a_frame_there_is_no_video(tmp_path):
    OverlayVideo(tmp_path / "a.mp4", 25.0, TASKS).close()
    assert list(tmp_path.iterdir()) == []


def test_tasks_paint_in_their_order(tmp_path):
    blue_last = (FakeTask("a", (), RED), FakeTask("b", (), (255, 0, 0)))
    (got,) = written(tmp_path / "a.mp4", [frame()], tasks=blue_last)
    np.testing.assert_allclose(got.image[48:60, 60:90].mean(axis=(0, 1)), (255, 0, 0), atol=20)


def test_a_colon_in_the_path_is_no_protocol(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert len(written("night:1/a.mp4", [frame(k) for k in range(3)])) == 3

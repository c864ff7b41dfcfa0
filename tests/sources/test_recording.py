"""Videos, whole and broken: what is good comes through, what is lost is counted."""

import struct
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from perception.errors import SourceError
from perception.sources import open_source
from tests.sources.clips import cut, damage, number, numbered, picture

CONTAINERS = ["clip.mp4", "clip.mkv", "clip.ts", "clip.avi"]


@pytest.fixture
def video(tmp_path):
    """`video("clip.mp4")`: a file of 40 numbered frames."""
    return lambda name, **options: numbered(tmp_path / name, **options)


def jpeg_packet(image):
    return av.Packet(cv2.imencode(".jpg", image)[1].tobytes())


@pytest.mark.parametrize("name", CONTAINERS)
def test_every_frame_comes_in_order_and_in_time(video, name):
    source = open_source(str(video(name)))
    frames = list(source)
    assert [number(f.image) for f in frames] == [f.seq for f in frames] == list(range(40))
    steps = np.diff([f.stamp_ns for f in frames])
    np.testing.assert_allclose(steps, 40e6, atol=1e6)  # 25 fps; mkv keeps whole milliseconds
    assert (source.lost, source.fps, frames[0].source, frames[0].size) == (0, 25, name, (96, 64))


def test_a_second_pass_starts_again(video):
    source = open_source(str(video("clip.mp4")))
    assert len(list(source)) == len(list(source)) == 40


@pytest.mark.parametrize("name", ["clip.mp4", "clip.mkv"])
def test_damaged_packets_cost_their_frames_only(video, name):
    path = video(name)
    damage(path, packets=(25, 33))
    source = open_source(str(path))
    frames = list(source)
    assert 0 < source.lost <= 2
    assert len(frames) + source.lost == 40
    right = [f for f in frames if number(f.image) == f.seq]
    assert len(right) >= 40 - 2 * 10  # at worst until the next key frame


def test_a_lost_frame_leaves_its_gap(video):
    path = video("clip.mp4")
    damage(path, packets=(39,))  # the last one decoded: nothing refers to it
    source = open_source(str(path))
    frames = list(source)
    assert [f.seq for f in frames] == [number(f.image) for f in frames]
    assert len(frames) == 39


@pytest.mark.parametrize(("name", "options"), [("clip.mp4", {"movflags": "faststart"}), ("clip.mkv", {})])
def test_a_truncated_file_gives_the_good_frames_and_says_what_is_missing(video, caplog, name, options):
    source = open_source(str(cut(video(name, **options), 0.6)))
    frames = list(source)
    assert 5 < len(frames) < 40
    assert [number(f.image) for f in frames[:-1]] == list(range(len(frames) - 1))
    assert source.lost == 40 - len(frames)
    assert f"{source.lost} frames" in caplog.text


def test_packets_that_are_gone_leave_a_gap(tmp_path, video):
    with av.open(str(video("a.mkv"))) as whole, av.open(str(tmp_path / "b.mkv"), "w") as holed:
        stream = holed.add_stream_from_template(whole.streams.video[0])
        for k, packet in enumerate(p for p in whole.demux(video=0) if p.size):
            packet.stream = stream
            if not 25 <= k < 30:  # the last ones before a key frame
                holed.mux(packet)
    source = open_source(str(tmp_path / "b.mkv"))
    frames = list(source)
    assert (len(frames), source.lost) == (35, 5)
    assert frames[-1].seq == number(frames[-1].image) == 39


@pytest.mark.parametrize("content", [b"", b"hello world\n" * 500, bytes(range(256)) * 50])
@pytest.mark.parametrize("name", ["clip.mp4", "notes.txt"])
def test_what_is_no_video_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=f"{name}: expected a video"):
        open_source(str(tmp_path / name))


def test_a_phone_picture_under_another_name_is_known_by_its_brand(video):
    path = video("clip.mov")
    path.write_bytes(path.read_bytes().replace(b"ftypqt  ", b"ftypheic", 1))
    with pytest.raises(SourceError, match=r"clip\.mov: expected a video, got a picture as HEIC; convert"):
        open_source(str(path))


def test_a_missing_file_is_called_missing():
    with pytest.raises(SourceError, match="expected a video, found nothing there; check the path"):
        open_source("no/clip.mp4")


def test_a_file_without_its_index_says_so(video):
    with pytest.raises(SourceError, match="moov"):
        open_source(str(cut(video("clip.mp4"), 0.6)))


def test_sound_alone_is_no_video(tmp_path):
    with av.open(str(tmp_path / "a.mp4"), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        sound = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        sound.sample_rate = 8000
        container.mux(stream.encode(sound))
        container.mux(stream.encode())
    with pytest.raises(SourceError, match="no picture stream"):
        open_source(str(tmp_path / "a.mp4"))


def test_a_video_of_nothing_but_damage_is_refused(video):
    path = video("clip.mp4")
    damage(path, packets=range(40))
    with pytest.raises(SourceError, match="no frame can be decoded"):
        list(open_source(str(path)))


def test_a_size_that_changes_is_passed_on(tmp_path):
    sizes = [(96, 64)] * 3 + [(128, 80)] * 3 + [(64, 96)] * 3
    with av.open(str(tmp_path / "a.mkv"), "w") as container:
        stream = container.add_mux_stream("mjpeg", rate=25, width=96, height=64)
        for k, size in enumerate(sizes):
            packet = jpeg_packet(picture(k, size))
            packet.stream, packet.pts, packet.dts, packet.time_base = stream, k, k, Fraction(1, 25)
            container.mux(packet)
    source = open_source(str(tmp_path / "a.mkv"))
    assert [f.size for f in source] == sizes
    assert source.lost == 0


TURNS = {  # as it is stored -> the first four numbers of ISO 14496-12's matrix, which turns it back
    cv2.ROTATE_90_COUNTERCLOCKWISE: (0, 1, -1, 0),
    cv2.ROTATE_180: (-1, 0, 0, -1),
    cv2.ROTATE_90_CLOCKWISE: (0, -1, 1, 0),
}


@pytest.mark.parametrize("turn", TURNS)
def test_a_picture_is_turned_upright(tmp_path, turn):
    path = numbered(tmp_path / "phone.mp4")
    data = bytearray(path.read_bytes())
    matrix = data.index(b"tkhd") + 4 + 40
    a, b, c, d = (v << 16 for v in TURNS[turn])
    data[matrix : matrix + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
    frame = list(open_source(str(path)))[21]
    assert number(cv2.rotate(frame.image, turn)) == 21


def test_frames_lost_at_the_very_end_are_counted(video):
    source = open_source(str(damage(video("clip.mp4"), packets=range(30, 40))))
    assert len(list(source)) + source.lost == 40
    assert source.lost > 5


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "count", "size"), [("solidWhiteRight.mp4", 221, (960, 540)), ("test_video.mp4", 38, (1280, 720))]
)
def test_real_clips_are_read_to_the_last_frame(driving_data, name, count, size):
    source = open_source(str(driving_data / "video" / name))
    frames = [(f.seq, f.size, f.stamp_ns) for f in source]
    assert frames == [(k, size, k * 40_000_000) for k in range(count)]

"""What the times of a video mean: gaps are gaps, pauses are pauses, and no clock goes back."""

from itertools import pairwise

import av
import pytest

from perception.sources import open_source
from tests.sources.clips import cut, damage, number, timed

GAP = [*range(5), *range(15, 20)]


def read(path):
    """Numbers in the pictures, `seq`, seconds and how many are lost."""
    source = open_source(str(path))
    frames = list(source)
    return (
        [number(f.image) for f in frames],
        [f.seq for f in frames],
        [f.stamp_ns / 1e9 for f in frames],
        source.lost,
    )


@pytest.mark.parametrize("codec", ["mjpeg", "libx264", "mpeg4", "ffv1"])
def test_pictures_that_an_avi_dropped_leave_their_gap(tmp_path, codec):
    numbers, seqs, seconds, lost = read(timed(tmp_path / "a.avi", GAP, codec))
    assert (numbers, seqs, lost) == (GAP, GAP, 10)
    assert seconds == pytest.approx([k / 10 for k in GAP])


@pytest.mark.parametrize("b_frames", [0, 2])
def test_an_avi_with_an_empty_place_behind_each_picture_has_its_own_speed(tmp_path, b_frames):
    path = timed(tmp_path / "a.avi", range(0, 60, 2), b_frames=b_frames)
    numbers, seqs, seconds, lost = read(path)
    assert (numbers, seqs, lost) == ([*range(0, 60, 2)], [*range(30)], 0)
    assert seconds == pytest.approx([k / 5 for k in range(30)])
    assert open_source(str(path)).fps == 5


def test_a_damaged_picture_of_an_avi_keeps_its_place(tmp_path):
    numbers, seqs, _, lost = read(damage(timed(tmp_path / "a.avi", GAP, "mjpeg"), packets=(4,)))
    assert numbers[-1] == seqs[-1] == 19
    assert len(numbers) + lost == 20


def test_an_avi_that_was_cut_off_says_what_is_missing(tmp_path):
    numbers, seqs, _, lost = read(cut(timed(tmp_path / "a.avi", range(40)), 0.6))
    assert numbers[:-1] == seqs[:-1] == [*range(len(numbers) - 1)]
    assert len(numbers) + lost == 40


@pytest.mark.parametrize("b_frames", [0, 3])
@pytest.mark.parametrize("name", ["a.mkv", "a.ts", "a.flv"])
@pytest.mark.parametrize(("start_s", "sound_s"), [(0, 0), (60, 0), (0, 6), (60, 6)])
def test_a_whole_file_is_whole(tmp_path, name, b_frames, start_s, sound_s):
    numbers, seqs, seconds, lost = read(
        timed(tmp_path / name, range(20), "libx264", b_frames, start_s, sound_s)
    )
    assert (numbers, seqs, lost) == ([*range(20)], [*range(20)], 0)
    assert seconds[-1] - seconds[0] == pytest.approx(1.9, abs=0.002)


def test_a_whole_webm_that_starts_late_is_whole(tmp_path):
    assert read(timed(tmp_path / "a.webm", range(20), "libvpx", start_s=60))[3] == 0


def test_a_subtitle_may_stand_longer_than_the_pictures(tmp_path):
    (tmp_path / "a.srt").write_text("1\n00:00:00,000 --> 00:00:09,000\nnight\n")
    clip, both = timed(tmp_path / "a.mkv", range(20)), tmp_path / "b.mkv"
    with (
        av.open(str(clip)) as video,
        av.open(str(tmp_path / "a.srt")) as text,
        av.open(str(both), "w") as out,
    ):
        pairs = [(source, out.add_stream_from_template(source.streams[0])) for source in (video, text)]
        for source, stream in pairs:
            for packet in filter(lambda packet: packet.size, source.demux()):
                packet.stream = stream
                out.mux(packet)
    assert read(both)[3] == 0


@pytest.mark.parametrize(("start_s", "sound_s"), [(60, 0), (0, 4), (60, 4)])
def test_a_file_that_was_cut_off_is_not(tmp_path, start_s, sound_s):
    path = timed(tmp_path / "a.mkv", range(40), start_s=start_s, sound_s=sound_s)
    numbers, _, _, lost = read(cut(path, 0.6))
    assert len(numbers) + lost == pytest.approx(40, abs=1)


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize(
    ("starts_s", "gap_s"), [((0, 600), 598.1), ((600, 0), 0.1), ((0, 0), 0.1), ((0, 1), 0.1)]
)
def test_joined_recordings_lose_nothing_and_time_goes_on(tmp_path, b_frames, starts_s, gap_s):
    parts = [timed(tmp_path / f"{k}.ts", range(20), "libx264", b_frames, s) for k, s in enumerate(starts_s)]
    (tmp_path / "a.ts").write_bytes(b"".join(part.read_bytes() for part in parts))
    numbers, seqs, seconds, lost = read(tmp_path / "a.ts")
    assert (numbers, seqs, lost) == ([*range(20)] * 2, [*range(40)], 0)
    steps = [after - before for before, after in pairwise(seconds)]
    assert steps.pop(19) == pytest.approx(gap_s, abs=0.3)  # with the delay of B-frames
    assert steps == pytest.approx([0.1] * 38, abs=1e-6)


def test_a_gap_in_seq_is_always_counted(tmp_path):
    path = timed(tmp_path / "a.ts", range(40), b_frames=2)
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2] + data[len(data) * 3 // 5 // 188 * 188 :])
    numbers, seqs, _, lost = read(path)
    assert lost >= seqs[-1] + 1 - len(numbers) > 0

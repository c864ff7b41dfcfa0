"""Drives that are cut off, damaged, foreign or odd: what is good comes through, what is wrong is named."""

import tracemalloc

import pytest
from mcap.writer import Writer
from zstandard import ZstdCompressor

from perception.errors import DataError, SourceError
from perception.labels import open_labelled
from perception.sources import open_source
from perception.sources.bag import METADATA
from perception.sources.drive import Drive
from tests.sources.bags import (
    IMAGE,
    STEP,
    bare,
    drive_of,
    header,
    jpeg,
    noisy,
    raw,
    write_db3,
    write_mcap,
    write_ros1,
)
from tests.sources.clips import SIZE, cut, number, picture


def small_chunks(path, count=40, chunk=40_000):
    """An MCAP as rosbag2 writes it: several chunks, an index, checksums."""
    from perception.messages import wire

    with path.open("wb") as file:
        writer, channels = Writer(file, chunk_size=chunk), {}
        writer.start(profile="ros2", library="test")
        for topic, kind, time_ns, record in drive_of(count):
            if topic not in channels:
                schema = writer.register_schema(kind, "ros2msg", wire.definition(kind).encode())
                channels[topic] = writer.register_channel(topic, "cdr", schema)
            writer.add_message(channels[topic], time_ns, wire.encode(kind, record), time_ns)
        writer.finish()
    return path


@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_a_cut_mcap_yields_the_frames_of_its_whole_chunks(tmp_path, caplog, share):
    source = open_source(str(cut(small_chunks(tmp_path / "cut.mcap"), share)))
    frames = list(source)
    assert [number(f.image) for f in frames] == [f.seq for f in frames] == list(range(len(frames)))
    assert 40 * share - 4 <= len(frames) <= 40 * share + 1
    assert "cut.mcap: not closed or cut off behind byte" in caplog.text
    assert "messages saved" in caplog.text
    assert frames[0].camera is not None


def test_an_mcap_cut_everywhere_is_read_or_refused(tmp_path):
    whole = small_chunks(tmp_path / "whole.mcap", 6, 30_000).read_bytes()
    path, counts = tmp_path / "cut.mcap", []
    for size in range(0, len(whole), len(whole) // 40):
        path.write_bytes(whole[:size])
        try:
            counts.append(len(list(open_source(str(path)))))
        except SourceError:
            counts.append(0)
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, 6)


def test_a_damaged_chunk_costs_its_frames_and_they_are_counted(tmp_path, caplog):
    source = open_source(str(noisy(small_chunks(tmp_path / "a.mcap"), 0.5)))
    frames = list(source)
    assert 1 <= source.lost <= 4
    assert len(frames) + source.lost == 40
    assert frames[-1].seq == number(frames[-1].image) == 39
    assert f"{source.lost} frames of {IMAGE}" in caplog.text


@pytest.mark.parametrize("write", [write_mcap, write_db3, write_ros1])
@pytest.mark.parametrize("at", [0.01, 0.3, 0.6, 0.9])
def test_noise_in_any_file_ends_in_frames_or_a_source_error(tmp_path, write, at):
    path = write(tmp_path / "bag", drive_of())
    path = bare(path) if path.is_dir() else path
    try:
        assert len(list(open_source(str(noisy(path, at, 200))))) <= 12
    except SourceError as error:
        assert str(path) in str(error)  # noqa: PT017 (either is right)


@pytest.mark.parametrize("name", ["a.mcap", "a.db3", "a.bag", "a.mcap.part"])
@pytest.mark.parametrize("content", [b"", b"hello world" * 50, bytes(range(256)) * 20])
def test_an_empty_or_foreign_file_is_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=f"{name}: expected (a recorded drive|an MCAP)"):
        open_source(str(tmp_path / name))


def test_a_ros1_bag_that_was_not_closed_says_what_to_do(tmp_path):
    path = cut(write_ros1(tmp_path / "bag", drive_of()), 0.6)
    with pytest.raises(SourceError, match="expected a recorded drive, got"):
        open_source(str(path))


def test_a_ros1_bag_that_is_being_written_says_what_to_do(tmp_path):
    path = write_ros1(tmp_path / "bag", drive_of())
    active = path.rename(path.with_name(path.name + ".active"))
    with pytest.raises(SourceError, match=rf"rosbag reindex {active.name}.*the name {path.name}"):
        open_source(str(active))
    with pytest.raises(SourceError, match="rosbag reindex"):
        open_labelled(str(active))


def test_messages_that_are_compressed_one_by_one_are_named(tmp_path):
    from perception.messages import wire

    path = tmp_path / "zstd.mcap"
    with path.open("wb") as file:
        writer, (topic, kind, time_ns, record) = Writer(file), raw(0)
        writer.start(profile="ros2", library="test")
        schema = writer.register_schema(kind, "ros2msg", wire.definition(kind).encode())
        channel = writer.register_channel(topic, "cdr", schema)
        writer.add_message(channel, time_ns, ZstdCompressor().compress(wire.encode(kind, record)), time_ns)
        writer.finish()
    with pytest.raises(DataError, match=r"got zstd-compressed ones, and no metadata\.yaml.*ros2 bag reindex"):
        list(open_source(str(path)))


def test_distances_seen_as_a_picture_are_told_once(tmp_path, caplog):
    sent = [raw(k, encoding="16UC1", step=2 * SIZE[0], data=bytes(2 * SIZE[0] * SIZE[1])) for k in range(3)]
    list(open_source(str(write_mcap(tmp_path / "depth", sent))))
    assert caplog.text.count("which is how depth cameras send distances") == 1


def test_messages_of_another_system_are_named(tmp_path):
    path = tmp_path / "fox.mcap"
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start(profile="", library="test")
        schema = writer.register_schema("foxglove.CompressedImage", "protobuf", b"...")
        writer.add_message(writer.register_channel("/camera", "protobuf", schema), 1, b"...", 1)
        writer.finish()
    with pytest.raises(
        SourceError, match=r"expected an MCAP with ROS 2 messages \(cdr\), got protobuf on /camera"
    ):
        open_source(str(path))


def test_a_folder_after_a_power_cut_has_no_metadata(tmp_path, caplog):
    folder = write_mcap(tmp_path / "bag", drive_of())
    (folder / METADATA).unlink()
    (folder / "bag.mcap").rename(folder / "bag_9.mcap")
    cut(small_chunks(folder / "bag_10.mcap"), 0.6)
    frames = list(open_source(str(folder)))
    assert [number(f.image) for f in frames[:14]] == [*range(12), 0, 1]
    assert "bag_10.mcap: not closed" in caplog.text


def test_a_folder_whose_file_is_cut_is_saved_as_well(tmp_path):
    folder = tmp_path / "bag"
    write_mcap(folder, drive_of())
    cut(small_chunks(folder / "bag.mcap"), 0.6)
    assert len(list(open_source(str(folder)))) > 20


def test_a_part_that_an_interruption_left_is_offered(tmp_path):
    small_chunks(tmp_path / "a.mcap.part")
    with pytest.raises(SourceError, match=r"there is a\.mcap\.part"):
        open_source(str(tmp_path / "a.mcap"))
    assert len(list(open_source(str(tmp_path / "a.mcap.part")))) == 40


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"step": 95}, "expected a step of"),
        ({"data": b"short"}, "expected 64 x 288"),
        ({"encoding": "bayer_rggb12"}, "bayer_rggb12"),
        ({"width": 0}, "at least one pixel"),
    ],
)
def test_a_picture_that_lies_is_skipped_and_named(tmp_path, caplog, changes, reason):
    said = [raw(k, **(changes if k == 2 else {})) for k in range(5)]
    source = open_source(str(write_mcap(tmp_path / "bag", said)))
    assert [f.seq for f in source] == [0, 1, 3, 4]
    assert source.lost == 1
    assert reason in caplog.text
    with pytest.raises(SourceError, match=f"none can be decoded: .*{reason}"):
        list(open_source(str(write_mcap(tmp_path / "all", [raw(k, **changes) for k in range(3)]))))


def test_a_jpeg_that_is_none_is_skipped(tmp_path):
    said = [jpeg(k, **({"data": b"\xff\xd8 no"} if k == 2 else {})) for k in range(5)]
    source = open_source(str(write_mcap(tmp_path / "bag", said)))
    assert ([f.seq for f in source], source.lost) == ([0, 1, 3, 4], 1)


def test_stamps_that_go_back_or_repeat_keep_the_order_of_the_file(tmp_path, caplog):
    stamps = [0, 1, 1, 3, 2, 5]
    said = [raw(k, header=header(stamp)) for k, stamp in enumerate(stamps)]
    source = Drive(write_mcap(tmp_path / "bag", said))
    frames = list(source)
    assert [(f.stamp_ns - frames[0].stamp_ns) // STEP for f in frames] == stamps
    assert (source.order.back, source.order.repeated) == (1, 1)
    assert "1 stamps go back in time" in caplog.text
    assert "1 stamps repeat" in caplog.text


def test_two_cameras_on_one_topic_are_named(tmp_path, caplog):
    small = {"height": 32, "width": 48, "step": 144, "data": picture(0)[:32, :48].tobytes()}
    other = {"header": header(2, "rear"), **small}
    assert len(list(Drive(write_mcap(tmp_path / "bag", [raw(0), raw(1), raw(2, **other)])))) == 3
    assert "2 cameras on one topic (frame_id: 'cam' 2, 'rear' 1)" in caplog.text
    assert "2 sizes (96 x 64: 2, 48 x 32: 1)" in caplog.text


@pytest.mark.parametrize("share", [1, 0.99])
def test_a_drive_of_any_length_takes_the_same_memory(tmp_path, share):
    peaks = []
    for count in (100, 100, 800):  # the first warms up
        path = cut(small_chunks(tmp_path / f"{len(peaks)}.mcap", count, 200_000), share)
        frames = iter(Drive(path))
        next(frames)  # compiles what reads its types; that, and what Python keeps of it, may stay
        tracemalloc.start()
        try:
            assert sum(1 for _ in frames) >= 0.9 * count - 1
            peaks.append(tracemalloc.get_traced_memory()[1])
        finally:
            tracemalloc.stop()
    assert path.stat().st_size > 8_000_000
    assert peaks[2] < 2 * peaks[1]  # eight times the length


def test_nothing_there_is_called_nothing():
    with pytest.raises(SourceError, match="found nothing there; check the path"):
        open_source("no/drive.mcap?topic=/front")

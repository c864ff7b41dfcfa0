"""Recorded drives: what was written is what every reader finds, also after a kill or on a full disk."""

import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rosbags.highlevel import AnyReader

from perception.camera import CameraModel
from perception.errors import SinkError
from perception.fields import RESULTS as TOLD
from perception.fields import TRUTH
from perception.messages import TOPICS, detections_from, lanes_from, stamp_ns
from perception.sinks import DriveRecorder
from perception.sources.drive import Drive
from perception.types import Ego, Frame, Scene
from tests.sinks.fakes import ADDED, TASKS, added, empty, full
from tests.sinks.test_full_disk import files_end_at
from tests.sources.clips import number, picture

ROOT = Path(__file__).parents[2]
CAMERA = CameraModel((96, 64), 80.0, 80.0, 48.0, 32.0, height=1.5, pitch=0.03)
RESULTS = {topic for topic, _ in TOLD.values()}


def frame(k: int, stamp_ns: int | None = None) -> Frame:
    return Frame(picture(k), k * 50_000_000 if stamp_ns is None else stamp_ns, k, "cam", CAMERA)


def everything(of: Frame) -> Scene:
    return replace(full(of), **added(of))


def record(path: Path, count: int = 10, **options) -> Path:
    with closing(
        DriveRecorder(path, (*TASKS, *ADDED), {"bundle": "road 1", "files": {"a": "b"}}, **options)
    ) as sink:
        for k in range(count):
            sink.write(frame(k), everything(frame(k)))
    return path


@pytest.fixture
def drive(tmp_path):
    return record(tmp_path / "drive.mcap", truth=everything)


@pytest.mark.parametrize("old", [b"an older drive", None])
def test_without_a_frame_there_is_no_file_and_an_older_one_stays(tmp_path, old):
    """A camera that is late must neither cost the last recording nor stand in the way of the next."""
    path = tmp_path / "drive.mcap"
    if old:
        path.write_bytes(old)
    record(path, count=0, overwrite=True)
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == ({path.name: old} if old else {})


def by_rosbags(path):
    with AnyReader([path]) as reader:  # no types are given: the file defines them
        return [(c.topic, t, reader.deserialize(raw, c.msgtype)) for c, t, raw in reader.messages()]


def by_mcap(path):
    with path.open("rb") as file:
        reader = make_reader(file, decoder_factories=[DecoderFactory()])
        return [(d[1].topic, d[2].log_time, d[3]) for d in reader.iter_decoded_messages()]


@pytest.mark.parametrize("read", [by_rosbags, by_mcap])
def test_other_readers_find_what_was_written(drive, read):
    said = read(drive)
    seen = full(frame(3))
    at = {topic: message for topic, time_ns, message in said if time_ns == 150_000_000}
    assert at.keys() == RESULTS | {topic for topic, _ in TRUTH.values()} | {
        TOPICS["image"][0],
        TOPICS["camera_info"][0],
    }
    assert {stamp_ns(message.header) for message in at.values()} == {150_000_000}
    found = detections_from(at["/truth/detections"], TASKS[0].classes)
    np.testing.assert_array_equal(found.xyxy, seen.detections.xyxy)
    (line,) = lanes_from(at["/perception/lanes"], TASKS[1].classes)
    np.testing.assert_array_equal(line.road, seen.lanes[0].road)
    jpeg = cv2.imdecode(np.frombuffer(bytes(at["/camera/image/compressed"].data), np.uint8), 1)
    assert number(jpeg) == 3
    assert bytes(at["/perception/drivable_mask"].data)[-1] == 255


def test_both_readers_count_the_same(drive):
    ours, theirs = ([(t, time_ns) for t, time_ns, _ in read(drive)] for read in (by_rosbags, by_mcap))
    assert sorted(ours) == sorted(theirs)
    assert len(ours) == 1 + 10 * (2 + 7 + 7)


def test_the_metadata_says_what_computed_the_results(drive):
    facts = Drive(drive).bag.facts["perception"]
    assert facts["bundle"] == "road 1"
    assert facts["files"] == '{"a": "b"}'
    assert Drive(drive).classes()["detection"] == ("vehicle", "person")


def test_a_drive_gives_its_frames_again(drive):
    source = Drive(drive)
    frames = list(source)
    assert [(number(f.image), f.seq, f.stamp_ns) for f in frames] == [
        (k, k, k * 50_000_000) for k in range(10)
    ]
    assert frames[0].camera.height == CAMERA.height
    assert frames[0].camera.pitch == pytest.approx(CAMERA.pitch)
    assert source.fps == pytest.approx(20)


def test_a_labelled_drive_gives_its_truth_again(drive):
    pairs = list(Drive(drive).labelled())
    assert [f.seq for f, _ in pairs] == list(range(10))
    for f, truth in pairs:
        want = everything(f)
        assert (truth.seq, truth.stamp_ns, truth.size) == (f.seq, f.stamp_ns, f.size)
        np.testing.assert_array_equal(truth.detections.xyxy, want.detections.xyxy)
        np.testing.assert_array_equal(truth.signs.class_id, want.signs.class_id)
        assert truth.lanes[0].kind == want.lanes[0].kind
        assert (truth.drivable.labels > 0).mean() == (want.drivable.labels > 0).mean()


def test_tasks_that_did_not_run_have_no_topic(tmp_path):
    with closing(DriveRecorder(tmp_path / "a.mcap", TASKS)) as sink:
        sink.write(frame(0), empty(frame(0)))
    assert RESULTS.isdisjoint(Drive(tmp_path / "a.mcap").bag.topics)


def test_the_order_is_kept_where_stamps_are_not(tmp_path):
    stamps = [5, 5, 3, 9, 0]
    with closing(DriveRecorder(tmp_path / "a.mcap", TASKS)) as sink:
        for k, stamp in enumerate(stamps):
            sink.write(frame(k, stamp), empty(frame(k, stamp)))
    frames = list(Drive(tmp_path / "a.mcap"))
    assert [number(f.image) for f in frames] == [0, 1, 2, 3, 4]
    assert [f.stamp_ns for f in frames[:4]] == stamps[:4]


@pytest.mark.parametrize("stamp", [-1, 2**62])
def test_a_stamp_that_ros_cannot_write_is_refused(tmp_path, stamp):
    with closing(DriveRecorder(tmp_path / "a.mcap", TASKS)) as sink, pytest.raises(SinkError, match="stamp"):
        sink.write(frame(0, stamp), empty(frame(0)))


def test_the_name_appears_when_the_file_is_whole(tmp_path):
    sink = DriveRecorder(tmp_path / "a.mcap", TASKS)
    sink.write(frame(0), empty(frame(0)))
    assert [p.name for p in tmp_path.iterdir()] == ["a.mcap.part"]
    sink.close()
    sink.close()
    assert [p.name for p in tmp_path.iterdir()] == ["a.mcap"]


def test_what_an_earlier_recording_left_is_kept(tmp_path, caplog):
    (tmp_path / "a.mcap.part").write_bytes(b"first")
    (tmp_path / "a.cut1.mcap").write_bytes(b"zeroth")
    record(tmp_path / "a.mcap", 1)
    assert (tmp_path / "a.cut2.mcap").read_bytes() == b"first"
    assert "it is a.cut2.mcap now" in caplog.text


def test_two_cannot_record_one_file(tmp_path):
    first = closing(DriveRecorder(tmp_path / "a.mcap", TASKS))
    with first, pytest.raises(SinkError, match="another process is recording it"):
        DriveRecorder(tmp_path / "a.mcap", TASKS)


def test_a_folder_of_that_name_is_refused_at_once(tmp_path):
    with pytest.raises(SinkError, match="got a folder"):
        DriveRecorder(tmp_path, TASKS)


def fill(sink):
    noise = np.random.default_rng(0).integers(0, 256, (512, 512, 3), np.uint8)
    with closing(sink):
        for k in range(100):
            of = Frame(np.roll(noise, 37 * k, axis=0), k, k)
            sink.write(of, Scene(k, k, of.size))


def test_a_full_disk_is_reported_and_keeps_what_was_recorded(tmp_path):
    sink = DriveRecorder(tmp_path / "a.mcap", TASKS)
    with files_end_at(12_000_000), pytest.raises(SinkError, match=r"what was recorded is a\.mcap\.part"):
        fill(sink)
    sink.close()
    assert [p.name for p in tmp_path.iterdir()] == ["a.mcap.part"]
    assert 5 < len(list(Drive(tmp_path / "a.mcap.part"))) < 100


RECORDING = """
import itertools, sys, time
from pathlib import Path
from tests.sinks.test_record import frame, full
from perception.sinks import record, DriveRecorder, growing
from tests.sinks.fakes import TASKS
growing.SYNC_S, record.CHUNK = 0.05, 1 << 40
sink = DriveRecorder(Path(sys.argv[1]), TASKS)
for k in itertools.count():
    sink.write(frame(k % 64, k * 50_000_000), full(frame(k % 64, k * 50_000_000)))
    time.sleep(0.002)
"""


def test_a_killed_recording_leaves_its_frames(tmp_path):
    path = tmp_path / "a.mcap"
    process = subprocess.Popen([sys.executable, "-c", RECORDING, str(path)], cwd=ROOT)
    part, deadline = tmp_path / "a.mcap.part", time.monotonic() + 30
    while not (part.exists() and part.stat().st_size > 200_000) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    frames = list(Drive(part))
    assert len(frames) > 10
    assert [number(f.image) for f in frames] == [k % 64 for k in range(len(frames))]


def test_the_own_motion_comes_again_exactly(tmp_path):
    egos = [None, None, Ego(10.0, 0.01), Ego(10.0), None, Ego(1 / 3, -0.1)]
    with closing(DriveRecorder(tmp_path / "drive.mcap", ())) as sink:
        for k, ego in enumerate(egos):
            one = replace(frame(k), ego=ego)
            sink.write(one, Scene(k, one.stamp_ns, one.size))
    assert [one.ego for one in Drive(tmp_path / "drive.mcap")] == egos

"""Recordings: what is on the disk is what was seen, also of the last seconds; the oldest make room."""

import json
import os
from dataclasses import replace
from threading import Event

import pytest

from perception import outputs
from perception.camera import CameraModel
from perception.errors import SinkError
from perception.serve import quota, recording
from perception.serve.quota import OURS, Folder
from perception.serve.recording import Recorder
from perception.serve.shot import Look, Shot
from perception.sources.drive import Drive
from tests.serve.fakes import BEARER, frame, served
from tests.sinks.fakes import TASKS, full
from tests.sinks.test_full_disk import files_end_at
from tests.waiting import wait_until

CAMERA = CameraModel((96, 64), 80.0, 80.0, 48.0, 32.0, height=1.5)


def folder(path, size=1 << 30, cameras=1):
    return Folder(path, size, spare=0, cameras=cameras)


def lay(path, *names, size=400):
    """Files, the oldest first."""
    for age, name in enumerate(names):
        (path / name).write_bytes(bytes(size))
        os.utime(path / name, (age, age))


def names_in(path):
    return {file.name for file in path.iterdir()}


def recorder(path, keep_s=0.0, size=1 << 30, tell=lambda error: None):
    return Recorder(
        "front", folder(path, size), {"bundle": "road 1", "classes": Look(TASKS).classes}, keep_s, tell
    )


def shots(count, step_s=0.1, size=(96, 64)):
    for seq in range(count):
        one = frame(seq, size=size, camera=None if size != (96, 64) else CAMERA)
        one = replace(one, stamp_ns=10**18 + round(seq * step_s * 1e9))
        yield Shot(one, full(one), Look(TASKS))


def test_frames_between_start_and_stop_are_recorded(tmp_path):
    one, given = recorder(tmp_path), list(shots(5))
    one.start()
    for shot in given[:4]:
        one.take(shot)
    path = one.stop()
    one.take(given[4])
    drive = Drive(path)
    assert [f.stamp_ns for f in drive] == [shot.frame.stamp_ns for shot in given[:4]]
    assert drive.classes()["detection"] == ("vehicle", "person")
    assert next(iter(Drive(path))).camera.height == 1.5
    assert one.stop() is None


def test_the_last_seconds_are_saved_from_memory(tmp_path):
    one, given = recorder(tmp_path, keep_s=1.0), list(shots(30))
    for shot in given:
        one.take(shot)
    path = one.save()
    assert [f.stamp_ns for f in Drive(path)] == [shot.frame.stamp_ns for shot in given[-11:]]
    assert next(iter(Drive(path))).camera.height == 1.5
    assert path.name.endswith("-last.mcap")
    assert one.status()["kept_s"] == pytest.approx(1.0, abs=0.05)


def test_memory_for_the_last_seconds_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr("perception.serve.recording.MOST", 20_000)
    one = recorder(tmp_path, keep_s=600)
    for shot in shots(40):
        one.take(shot)
    assert 0 < one._size <= 20_000
    assert len(list(Drive(one.save()))) < 40


def test_without_frames_there_is_nothing_to_save(tmp_path):
    with pytest.raises(SinkError, match="expected frames"):
        recorder(tmp_path, keep_s=1.0).save()
    assert not list(tmp_path.iterdir())


def test_the_oldest_recordings_make_room_and_nothing_else(tmp_path):
    names = ["front-20250101T000000.mcap", "rear-20250102T000000-last.mcap", "front-20250103T000000-2.mcap"]
    others = ["mine.mcap", "mine.mcap.part", "front-20240101T000000.txt"]
    lay(tmp_path, *names, *others)
    folder(tmp_path, 1000).new("front")
    assert names_in(tmp_path) == {*names[1:], *others}


def test_what_a_power_cut_left_makes_room_as_well(tmp_path):
    parts = [f"front-2025010{day}T000000.mcap.part" for day in (1, 2)]
    cut = "front-20250103T000000.cut1.mcap"
    lay(tmp_path, parts[0], cut, parts[1], "front-20250104T000000.mcap")
    folder(tmp_path, 1000).new("front")
    assert names_in(tmp_path) == {parts[1], "front-20250104T000000.mcap"}


def test_what_is_being_recorded_never_makes_room(tmp_path):
    """By this process or another: the lock is that of the open file."""
    lay(tmp_path, "rear-20250101T000000.mcap.part", "rear-20250102T000000.mcap.part")
    one = recorder(tmp_path, size=1000)
    with (tmp_path / "rear-20250101T000000.mcap.part").open("rb") as other:
        outputs.lock(other.fileno(), tmp_path)
        own = one.start()
        folder(tmp_path, 1).new("rear")
    assert names_in(tmp_path) == {f"{own.name}.part", "rear-20250101T000000.mcap.part"}
    assert one.stop() is None, "no frame came"
    assert names_in(tmp_path) == {"rear-20250101T000000.mcap.part"}


def test_room_is_left_for_what_the_other_cameras_still_record(tmp_path):
    """A segment of two cameras with 1,600 bytes has 100, of which 40 are written."""
    lay(tmp_path, *(f"front-2025010{day}T000000.mcap" for day in range(1, 5)), size=360)
    lay(tmp_path, "rear-20250105T000000.mcap.part", size=40)
    with (tmp_path / "rear-20250105T000000.mcap.part").open("rb") as other:
        outputs.lock(other.fileno(), tmp_path)
        folder(tmp_path, 1600, cameras=2).new("front")
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) == 3 * 360 + 40


def test_the_last_seconds_that_are_longer_than_a_segment_find_room(tmp_path):
    lay(tmp_path, "front-20250101T000000.mcap", size=250_000)
    one = recorder(tmp_path, keep_s=600, size=300_000)
    for shot in shots(40):
        one.take(shot)
    assert one._size > 50_000 > one._folder.segment
    saved = one.save()
    assert names_in(tmp_path) == {saved.name}


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "rec").write_text("")
    with pytest.raises(SinkError, match="choose another --recordings"):
        folder(tmp_path / "rec").new("front")


def test_a_long_recording_is_cut_so_that_its_begin_can_go(tmp_path, monkeypatch):
    monkeypatch.setattr("perception.sinks.drive_file.CHUNK", 1000)
    one = recorder(tmp_path, size=200_000)
    one.start()
    for shot in shots(120, size=(320, 200)):
        one.take(shot)
    one.stop()
    files = sorted(tmp_path.glob("*.mcap"))
    assert len(files) > 1
    assert sum(path.stat().st_size for path in files) <= 200_000 + folder(tmp_path, 200_000).segment


def test_a_full_disk_ends_the_recording_and_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr("perception.sinks.drive_file.CHUNK", 1000)
    told = []
    one = recorder(tmp_path, tell=told.append)
    one.start()
    with files_end_at(50_000):
        for shot in shots(60, size=(320, 200)):
            one.take(shot)
    assert "free the disk" in told[-1]
    assert one.status()["file"] is None
    one.start()
    assert told[-1] == ""
    one.stop()


def test_a_disk_that_others_fill_ends_the_recording_whole(tmp_path, monkeypatch):
    said = []
    one = recorder(tmp_path, tell=said.append)
    one.start()
    first, second = shots(2)
    one.take(first)
    monkeypatch.setattr(one._folder, "_spare", 1 << 60)
    monkeypatch.setattr(recording, "LOOK_S", 0.0)
    one.take(second)
    one.stop()
    assert (len(said), one.status()["file"]) == (2, None)
    assert "that are free" in said[-1]
    wait_until(lambda: not list(tmp_path.glob("*.part")))
    (path,) = tmp_path.iterdir()
    assert len(list(Drive(path))) == 1


def test_a_slow_disk_holds_up_neither_status_nor_frames(tmp_path, monkeypatch):
    """A file that is full is completed aside; the next one is recorded meanwhile."""
    monkeypatch.setattr("perception.sinks.drive_file.CHUNK", 1000)
    disk = Event()
    monkeypatch.setattr("perception.sinks.growing.os.fsync", lambda handle: disk.wait(30))
    one = recorder(tmp_path, size=800_000)
    one.start()
    taken = 0
    for shot in shots(400, size=(320, 200)):
        one.take(shot)
        taken += 1
        if len(list(tmp_path.glob("*.part"))) == 2:
            break
    assert one.status()["bytes"] < one._folder.segment, "the next file"
    disk.set()
    one.stop()
    files = list(tmp_path.glob("*.mcap"))
    assert (len(files), sum(len(list(Drive(path))) for path in files)) == (2, taken)


def test_a_file_that_cannot_be_completed_ends_its_recording_and_no_later_one(tmp_path, monkeypatch):
    def broken(handle):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("perception.sinks.drive_file.CHUNK", 1000)
    said, given = [], shots(400, size=(320, 200))
    one = recorder(tmp_path, size=400_000, tell=said.append)
    one.start()
    with monkeypatch.context() as disk:
        disk.setattr("perception.sinks.growing.os.fsync", broken)
        while one.status()["file"]:
            one.take(next(given))
    assert "Input/output error" in said[-1]
    one.start()
    taken = 0
    while len(list(tmp_path.glob("*.mcap"))) < 2:
        one.take(next(given))
        taken += 1
    assert taken > 1
    assert one.stop() is not None
    assert said[-1] == ""


def test_a_disk_without_room_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(quota.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10}))
    with pytest.raises(SinkError, match="free the disk"):
        Folder(tmp_path, 1 << 30).new("front")


def test_recording_over_http(tmp_path):
    def recorders(cameras):
        one = recorder(tmp_path, keep_s=10)
        cameras["front"].studio.join(one)
        return {"front": one}

    with served(recorders=recorders) as there:

        def do(what):
            status, _, body = there.ask(f"/api/cameras/front/recording?do={what}", "POST", **BEARER)
            return status, json.loads(body)

        status, said = do("start")
        assert status == 200
        assert OURS.fullmatch(said["file"])
        assert do("start")[0] == 409
        there.give(*range(5))
        wait_until(lambda: there.cameras["front"].studio.made == 5)
        assert there.json("/api/cameras/front")["recording"]["file"] == said["file"]
        stopped, saved = do("stop")[1]["file"], do("save")[1]["file"]
        assert do("sing")[0] == 400
    assert (
        [f.seq for f in Drive(tmp_path / stopped)]
        == [f.seq for f in Drive(tmp_path / saved)]
        == list(range(5))
    )

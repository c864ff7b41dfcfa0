"""Outputs: whole or not at all, one writer, through no link, never over an input."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from perception.errors import SinkError
from perception.outputs import PartFile, keep_apart, keep_file_apart, locked, write_whole
from perception.sinks import DriveRecorder
from perception.types import Frame, Scene


def test_a_link_under_the_parts_name_is_not_followed(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    (tmp_path / "out.json.part").symlink_to(tmp_path / "mine.txt")
    write_whole(tmp_path / "out.json", b"new")
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert (tmp_path / "out.json").read_bytes() == b"new"
    assert not (tmp_path / "out.json").is_symlink()


@pytest.mark.parametrize("kind", ["a link", "a folder", "a device or pipe"])
def test_what_is_no_file_is_not_replaced(tmp_path, kind):
    path = tmp_path / "out.json"
    make = {"a link": lambda: path.symlink_to("x"), "a folder": path.mkdir, "a device or pipe": None}[kind]
    make() if make else os.mkfifo(path)
    with pytest.raises(SinkError, match=f"expected to write a file, got {kind}"):
        write_whole(path, b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["out.json"]


def test_one_file_has_one_writer(tmp_path):
    first = PartFile(tmp_path / "a.json")
    with pytest.raises(SinkError, match=r"a\.json: another process is writing it"):
        PartFile(tmp_path / "a.json")
    first.file.write(b"first")
    first.commit()
    assert (tmp_path / "a.json").read_bytes() == b"first"


def test_what_a_killed_process_left_is_removed(tmp_path):
    (tmp_path / "a.json.part").write_text("a long text of a process that is gone")
    write_whole(tmp_path / "a.json", b"new")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a.json", b"new")]


def test_one_folder_has_one_writer(tmp_path):
    refused = pytest.raises(SinkError, match="out: another process is writing it")
    with locked(tmp_path / "out"), refused, locked(tmp_path / "out"):
        pass
    with locked(tmp_path / "out"):
        assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize(
    "given",
    [
        "io/overlay.mp4",
        "./io/../io/overlay.mp4",
        "link.mp4",
        "io/maps",
        "io/maps/a.png",
        "io/maps/*.png",
        "drive.mcap?topic=/front",
        "coco:labels.json:io/maps",
    ],
)
def test_an_output_that_is_an_input_is_refused(tmp_path, monkeypatch, given):
    monkeypatch.chdir(tmp_path)
    for name in ("io/overlay.mp4", "io/maps/a.png", "io/b.png", "drive.mcap"):
        write_whole(tmp_path / name, b"mine")
    (tmp_path / "link.mp4").symlink_to("io/overlay.mp4")
    with pytest.raises(SinkError, match="got the input"):
        keep_apart([tmp_path / name for name in ("io/overlay.mp4", "io/maps", "drive.mcap")], [given])
    keep_apart([tmp_path / "other/overlay.mp4", tmp_path / "io/overlay"], [given, None, "io", "io/b.png"])


def test_a_file_is_not_written_over_one_of_an_inputs_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_whole(tmp_path / "road/model.json", b"mine")
    for path, given in (("road/model.json", "road"), ("./road/model.json", "data:road:val"), ("a", "./a")):
        write_whole(tmp_path / "a", b"mine")
        with pytest.raises(SinkError, match="it would be lost"):
            keep_file_apart(Path(path), [given])
    keep_file_apart(None, ["road"])
    for path in ("road/info.json", "road.json", "a"):
        keep_file_apart(Path(path), ["road", "synthetic:0", None])


def test_a_recording_is_replaced_only_where_that_is_meant(tmp_path):
    path = tmp_path / "a.mcap"
    path.write_bytes(b"an hour on the road")
    with pytest.raises(SinkError, match=r"a\.mcap: expected a new name, .* or --overwrite"):
        DriveRecorder(path, ())
    assert path.read_bytes() == b"an hour on the road"
    with closing(DriveRecorder(path, (), overwrite=True)) as sink:
        sink.write(Frame(np.zeros((48, 64, 3), np.uint8), 0, 0), Scene(0, 0, (64, 48)))
        assert path.read_bytes() == b"an hour on the road"
    assert path.read_bytes() != b"an hour on the road"

"""A disk that is full, or a folder that cannot be written: SinkError, and nothing half-written."""

from contextlib import closing

import numpy as np
import pytest

from perception.errors import SinkError
from perception.sinks import Maps, OverlayImages, OverlayVideo, SceneLines
from perception.types import Frame
from tests.disks import files_end_at
from tests.sinks.fakes import TASKS, empty, full

SINKS = {
    "video": lambda folder: OverlayVideo(folder / "overlay.mp4", 25.0, ()),
    "images": lambda folder: OverlayImages(folder / "overlay", ()),
    "lines": lambda folder: SceneLines(folder / "scenes.jsonl", TASKS),
    "maps": lambda folder: Maps(folder / "maps"),
}
every_sink = pytest.mark.parametrize("kind", SINKS)

NOISE = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)


def noise(seq):
    return Frame(np.roll(NOISE, 37 * seq, axis=0), seq * 40_000_000, seq, "clip.mp4")


def files(folder):
    return [p for p in folder.rglob("*") if p.is_file()]


def fill(sink):
    for seq in range(500):
        frame = noise(seq)
        sink.write(frame, full(frame))


@every_sink
def test_a_full_disk_is_reported_and_leaves_nothing(tmp_path, kind):
    sink = SINKS[kind](tmp_path)
    with files_end_at(100), pytest.raises(SinkError, match="expected to write"), closing(sink):
        fill(sink)
    assert files(tmp_path) == []


@pytest.mark.parametrize("kind", ["video", "lines"])
def test_a_disk_that_fills_up_in_the_middle_leaves_an_older_file_alone(tmp_path, kind):
    with closing(SINKS[kind](tmp_path)) as first:
        first.write(noise(0), empty(noise(0)))
    (old,) = files(tmp_path)
    before = old.read_bytes()
    second = SINKS[kind](tmp_path)
    with files_end_at(20_000), pytest.raises(SinkError, match="expected to write"), closing(second):
        fill(second)
    assert (files(tmp_path), old.read_bytes()) == ([old], before)


@every_sink
def test_a_disk_that_fills_up_at_the_end_leaves_nothing(tmp_path, kind):
    sink = SINKS[kind](tmp_path)
    with files_end_at(100), pytest.raises(SinkError, match="expected to write"), closing(sink):
        sink.write(noise(0), full(noise(0)))
    assert files(tmp_path) == []


@every_sink
def test_a_folder_that_cannot_be_made_is_reported(tmp_path, kind):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(SinkError, match=r"Not a directory|File exists"):
        SINKS[kind](tmp_path / "file").write(noise(0), full(noise(0)))

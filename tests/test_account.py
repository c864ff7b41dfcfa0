"""Of every frame that a camera took it is known what became of it, whatever breaks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Queue

import cv2
import numpy as np
import pytest

from perception.errors import PerceptionError, SourceError
from perception.pipeline import Outcome, run
from perception.sources import open_source
from perception.sources.live import Live, Shot
from perception.types import Frame
from tests.sources.bags import bare, drive_of, noisy, write_db3, write_ros1
from tests.sources.clips import cut, damage, numbered, picture
from tests.sources.test_drive_damage import small_chunks
from tests.test_pipeline import ListSink, ListSource, Signalled, frame, see

FRAMES = 40


def account_of(source, pipeline=see, sinks=(), max_frames=None) -> Outcome:
    """How a run went that may end in an error."""
    outcome = Outcome()
    with suppress(PerceptionError):
        run(source, pipeline, list(sinks), max_frames, outcome=outcome)
    parts = outcome.answered, outcome.dropped, outcome.failed, outcome.lost
    assert outcome.captured == sum(parts), outcome
    assert min(parts) >= 0, outcome
    return outcome


def pictures(folder: Path) -> Path:
    folder.mkdir()
    for k in range(FRAMES):
        cv2.imwrite(str(folder / f"{k}.png"), picture(k))
    return cut(folder / "7.png", 0.5).parent


DAMAGED: dict[str, Callable[[Path], Path]] = {
    "mp4, packets": lambda p: damage(numbered(p / "a.mp4"), (25, 33)),
    "mp4, the end": lambda p: damage(numbered(p / "a.mp4"), range(30, 40)),
    "mp4, cut": lambda p: cut(numbered(p / "a.mp4", movflags="faststart"), 0.6),
    "mkv, packets": lambda p: damage(numbered(p / "a.mkv"), (5, 6, 25)),
    "mkv, cut": lambda p: cut(numbered(p / "a.mkv"), 0.6),
    "avi, packets": lambda p: damage(numbered(p / "a.avi"), (12, 13)),
    "mcap, a chunk": lambda p: noisy(small_chunks(p / "a.mcap"), 0.5),
    "pictures": lambda p: pictures(p / "in"),
}
UNKNOWN: dict[str, Callable[[Path], Path]] = {  # nothing tells how many frames there were
    "ts, noise": lambda p: noisy(numbered(p / "a.ts"), 0.5, 4000),
    "ts, cut": lambda p: cut(numbered(p / "a.ts"), 0.6),
    "flv, noise": lambda p: noisy(numbered(p / "a.flv"), 0.4, 4000),
    "mcap, cut": lambda p: cut(small_chunks(p / "a.mcap"), 0.6),
    "db3, noise": lambda p: noisy(bare(write_db3(p / "a", drive_of())), 0.6, 4000),
    "ros1, noise": lambda p: noisy(write_ros1(p / "a", drive_of()), 0.6, 4000),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_a_damaged_file_whose_length_is_known(tmp_path, name):
    outcome = account_of(open_source(str(DAMAGED[name](tmp_path))))
    assert outcome.captured == FRAMES
    assert outcome.lost > 0


@pytest.mark.parametrize("name", UNKNOWN)
def test_a_damaged_file_of_unknown_length(tmp_path, name):
    sink, outcome = ListSink(), Outcome()
    with suppress(SourceError):
        outcome = account_of(open_source(str(UNKNOWN[name](tmp_path))), sinks=[sink])
    numbers = sink.seqs or [-1]
    assert len(numbers) == len(set(numbers))
    assert max(numbers) < max(outcome.captured, 1) < 1.2 * FRAMES  # by times, which may be damaged, too


class Cutting(ListSink):
    """Something cuts the file off while it is read."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def write(self, frame, scene):
        super().write(frame, scene)
        if len(self.seqs) == 10:
            os.truncate(self.path, self.path.stat().st_size // 2)


@pytest.mark.parametrize("name", ["a.mcap", "a.mcap.part"])
def test_an_mcap_that_is_cut_off_while_it_is_read(tmp_path, name):
    path = small_chunks(tmp_path / "a.mcap").rename(tmp_path / name)
    outcome = account_of(open_source(str(path)), sinks=[Cutting(path)])
    assert outcome.captured == FRAMES
    assert 10 <= outcome.answered < FRAMES


def test_numbers_that_a_source_does_not_explain_are_lost_frames():
    outcome = account_of(ListSource(frame(0), frame(5), frame(6)))
    assert (outcome.captured, outcome.answered, outcome.lost) == (7, 3, 4)


def test_frames_that_fail():
    outcome = account_of(ListSource(*map(frame, range(90, 99)), *map(frame, range(100, 200))))
    assert (outcome.failed, outcome.lost) == (10, 91)


@pytest.mark.usefixtures("terminal")
def test_ctrl_c():
    outcome = account_of(ListSource(*map(frame, range(5))), sinks=[Signalled()])
    assert (outcome.captured, outcome.answered, outcome.interrupted) == (1, 1, True)


@pytest.mark.parametrize("error", [KeyboardInterrupt, PerceptionError])
def test_a_frame_that_was_in_work_when_the_run_ended_is_dropped(error):
    def see_two(given: Frame):
        if given.seq == 2:
            raise error
        return see(given)

    outcome = account_of(ListSource(*map(frame, range(5))), see_two)
    assert (outcome.captured, outcome.answered, outcome.dropped) == (3, 2, 1)


def test_a_full_disk():
    outcome = account_of(ListSource(*map(frame, range(5))), sinks=[ListSink(fails_at=2)])
    assert (outcome.captured, outcome.answered, outcome.dropped) == (3, 2, 1)


class Camera:
    """Gives a picture for every number that is put into it, after as many damaged ones."""

    lost = dropped = 0

    def __init__(self, *numbers: int) -> None:
        self.numbers: Queue[int] = Queue()
        for number in numbers:
            self.numbers.put(number)

    def read(self):
        number = self.numbers.get(timeout=5)
        if number < 0:
            raise SourceError("unplugged")
        self.lost += number
        return Shot(np.zeros((2, 2, 3), np.uint8))

    def close(self) -> None:
        pass


def test_a_camera_and_a_reader_that_is_slow():
    camera = Camera(0, 0, 2, 0, 0)
    source = Live("cam", lambda: camera, first_pause_s=0.001)
    while not camera.numbers.empty() or source.dropped < 4:
        time.sleep(0.001)
    camera.numbers.put(-1)
    outcome = account_of(source, max_frames=1)
    assert (outcome.captured, outcome.answered, outcome.dropped, outcome.lost) == (7, 1, 4, 2)


def test_what_a_camera_took_and_nobody_read_is_dropped():
    camera = Camera(0)

    def wait_for_more(given: Frame):
        for _ in range(3):
            camera.numbers.put(0)
        while not camera.numbers.empty():
            time.sleep(0.001)
        time.sleep(0.05)
        camera.numbers.put(-1)
        return see(given)

    outcome = account_of(Live("cam", lambda: camera, first_pause_s=60.0), wait_for_more, max_frames=1)
    assert (outcome.captured, outcome.answered, outcome.dropped) == (4, 1, 3)

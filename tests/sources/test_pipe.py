"""A camera behind a named pipe: its writer comes late, falls silent, ends and comes again."""

from __future__ import annotations

import os
import time
from contextlib import closing
from threading import Thread

import pytest

from perception.errors import SourceError
from perception.sources import open_source
from perception.sources.stream import PipeCapture
from tests.sources.clips import number, numbered, sound
from tests.waiting import wait_until


def written(pipe, data: bytes) -> Thread:
    writer = Thread(target=pipe.write_bytes, args=(data,), daemon=True)
    writer.start()
    return writer


def test_frames_of_two_writers(tmp_path):
    pipe, data = tmp_path / "camera", numbered(tmp_path / "a.ts").read_bytes()
    os.mkfifo(pipe)
    with closing(open_source(str(pipe))) as source:
        assert source.live
        frames = iter(source)
        written(pipe, data)
        first = next(frames)
        wait_until(lambda: source.health.report(0).reasons)  # it is known that nobody writes
        written(pipe, data)
        later = next(frame for frame in frames if frame.seq >= 40)
    assert number(first.image) == first.seq
    assert number(later.image) <= later.seq - 40
    assert 0 <= time.monotonic_ns() - later.taken_ns < 60e9


def test_a_pipe_that_is_gone_is_an_error_of_the_source(tmp_path):
    with pytest.raises(SourceError, match="No such file"):
        PipeCapture(str(tmp_path / "camera"))


def test_a_pipe_without_pictures_is_closed_again(tmp_path):
    pipe, data = tmp_path / "camera", sound(tmp_path / "a.ts").read_bytes()
    os.mkfifo(pipe)
    keeps = os.open(pipe, os.O_RDWR)  # so that what is written waits for the reader
    os.write(keeps, data)
    with pytest.raises(SourceError, match="no picture stream"):
        PipeCapture(str(pipe))
    os.close(keeps)
    with pytest.raises(OSError, match="No such device"):  # nobody reads
        os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)

"""A camera behind a named pipe: its writer comes late, falls silent, ends and comes again."""

from __future__ import annotations

import os
import time
from contextlib import closing
from threading import Thread

from perception.sources import open_source
from tests.sources.clips import number, numbered
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

"""A camera that writes one JPEG after the other into a pipe: nothing in it tells when a picture was taken."""

from __future__ import annotations

import fcntl
import os
import time
from contextlib import closing, suppress
from threading import Timer

import cv2
import pytest

from perception.errors import SourceError
from perception.sources.stream import PipeCapture
from tests.sources.clips import number, picture


def jpeg(k: int) -> bytes:
    return cv2.imencode(".jpg", picture(k))[1].tobytes()


@pytest.fixture
def pipe(tmp_path):
    """Its path, and a descriptor to write into it that waits for no reader."""
    path = tmp_path / "camera"
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR)
    fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, 1 << 20)
    yield str(path), descriptor
    with suppress(OSError):  # a test has closed it
        os.close(descriptor)


def begun(pipe) -> PipeCapture:
    """Opened with the first of 20 pictures; the others are written then, fresh on a slow machine, too."""
    path, descriptor = pipe
    soon = Timer(0.05, os.write, (descriptor, b"".join(map(jpeg, range(10)))))
    soon.start()
    capture = PipeCapture(path)
    os.write(descriptor, b"".join(map(jpeg, range(10, 20))))
    return capture


def test_what_piled_up_while_nobody_read_is_not_given(pipe):
    with closing(begun(pipe)) as capture:
        while number(capture.read().image) < 18:
            pass
        os.write(pipe[1], b"".join(map(jpeg, range(20, 40))))
        time.sleep(0.7)
        later = Timer(0.3, os.write, (pipe[1], b"".join(map(jpeg, range(40, 50)))))
        later.start()
        assert number(capture.read().image) >= 39
        assert capture.dropped >= 19


def test_a_picture_that_is_cut_off_is_lost(pipe):
    with closing(begun(pipe)) as capture:
        half = jpeg(20)[:2000]
        os.write(pipe[1], half + b"".join(map(jpeg, range(21, 40))))
        seen = [number(capture.read().image) for _ in range(35)]
    assert set(seen) <= {*range(20), *range(21, 40)}
    assert capture.lost == 1


def read_to_the_end(capture) -> None:
    while number(capture.read().image) < 19:
        pass


def test_a_picture_does_not_wait_for_the_next_one(pipe):
    with closing(begun(pipe)) as capture:
        read_to_the_end(capture)
        for k in range(20, 25):
            os.write(pipe[1], jpeg(k))
            assert number(capture.read().image) == k
        assert capture.lost == 0


def test_a_picture_that_was_begun_for_the_writer_is_not_lost(pipe):
    with closing(begun(pipe)) as capture:
        read_to_the_end(capture)
        os.close(pipe[1])
        with pytest.raises(SourceError, match="ended"):
            capture.read()
        assert capture.lost == 0


def test_with_something_between_pictures_each_is_as_old_as_its_beginning(pipe):
    """It comes when the next one begins."""
    with closing(begun(pipe)) as capture:
        read_to_the_end(capture)
        times, seen = {}, {}
        for k in range(20, 26):
            times[k] = time.monotonic()
            soon = Timer(0.05, os.write, (pipe[1], b"\r\n" + jpeg(k)))
            soon.start()
            if k > 20:
                shot = capture.read()
                seen[number(shot.image)] = shot.taken_s
            soon.join()
        assert len(seen) == 5
        assert all(taken_s < times[k + 1] for k, taken_s in seen.items())
        assert capture.lost <= 1

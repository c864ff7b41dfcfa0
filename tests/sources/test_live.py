"""A camera that is slow, fails, comes back, or does not."""

import time
from contextlib import closing
from queue import Queue

import numpy as np
import pytest

from perception.errors import AccessError, SourceError
from perception.sources.live import OLDEST_S, Live, Shot
from tests.waiting import wait_until


class FakeCapture:
    """Gives what is put into it: the grey value of a picture, or its time and that, or an error to raise."""

    def __init__(self, *items):
        self.lost = self.dropped = 0
        self.closed = False
        self.items = Queue()
        for item in items:
            self.items.put(item)

    def read(self):
        item = self.items.get(timeout=5)
        if isinstance(item, Exception):
            raise item
        taken_s, item = item if isinstance(item, tuple) else (None, item)
        return Shot(np.full((2, 2, 3), item, np.uint8), taken_s)

    def close(self):
        self.closed = True


UNPLUGGED = SourceError("unplugged")


def absent(error=None):
    raise error or SourceError("no such device")


def live(*captures, patience_s=5.0):
    """A source whose device is the next of `captures` at every opening, and then is gone."""
    queue = list(captures)

    def opener():
        if not queue:
            raise SourceError("no such device")
        return queue.pop(0)

    return closing(Live("cam", opener, patience_s, first_pause_s=0.001))


def test_frames_come_as_they_are_captured():
    capture = FakeCapture()
    with live(capture) as source:
        frames = iter(source)
        for seq, value in enumerate([10, 20, 30]):
            capture.items.put(value)
            frame = next(frames)
            assert (frame.seq, frame.image[0, 0, 0], frame.source) == (seq, value, "cam")
        assert abs(frame.stamp_ns - time.time_ns()) < 5e9
        capture.items.put(UNPLUGGED)


def test_a_slow_reader_gets_the_newest_frame_and_the_gap_is_counted():
    with live(FakeCapture(1, 2, 3, 4, 5, UNPLUGGED)) as source:
        wait_until(lambda: source.dropped == 4)
        frame = next(iter(source))
        assert (frame.seq, frame.image[0, 0, 0], source.dropped) == (4, 5, 4)


def test_frames_that_cannot_be_decoded_leave_a_gap():
    capture = FakeCapture(1, UNPLUGGED)
    capture.lost, capture.dropped = 2, 3
    with live(capture) as source:
        assert (next(iter(source)).seq, source.lost, source.dropped) == (5, 2, 3)


def test_stamps_say_when_a_frame_was_taken():
    capture = FakeCapture((99.6, 1))
    with closing(Live("cam", lambda: capture, clock=lambda: 100.0)) as source:
        first = next(iter(source))
        assert time.time_ns() - first.stamp_ns >= 0.4e9
        capture.items.put(UNPLUGGED)


def test_a_clock_that_is_set_back_does_not_stop_time(monkeypatch):
    now, world, capture = [100.0], [1e18], FakeCapture(1)
    monkeypatch.setattr("perception.sources.live.time.time_ns", lambda: round(world[0]))
    with closing(Live("cam", lambda: capture, clock=lambda: now[0])) as source:
        frames = iter(source)
        first = next(frames)
        now[0], world[0] = now[0] + 0.1, world[0] - 5e9
        capture.items.put(2)
        assert next(frames).stamp_ns - first.stamp_ns == pytest.approx(0.1e9, abs=1e3)
        capture.items.put(UNPLUGGED)


def test_the_way_from_the_device_counts_into_the_age():
    """The process was stopped between the picture and its stamp."""
    now, capture = [100.0], FakeCapture((99.9, 1))
    with closing(Live("cam", lambda: capture, clock=lambda: now[0])) as source:
        now[0] = 101.5
        capture.items.put((101.4, 2))
        frame = next(iter(source))
        assert (frame.image[0, 0, 0], frame.taken_ns, source.dropped) == (2, 101.4e9, 1)
        capture.items.put(UNPLUGGED)


def test_a_frame_that_waited_too_long_is_not_handed_out():
    """The reader was busy, and the camera has given nothing newer."""
    now, capture = [100.0], FakeCapture(1)
    source = Live("cam", lambda: capture, clock=lambda: now[0])
    wait_until(lambda: source._seq == 1)
    now[0] += OLDEST_S + 0.1
    capture.items.put(2)
    capture.items.put(UNPLUGGED)
    with closing(source):
        frame = next(iter(source))
    assert (frame.seq, frame.image[0, 0, 0], source.dropped) == (1, 2, 1)


def test_a_camera_that_comes_back_goes_on(caplog):
    first, second = FakeCapture(1, UNPLUGGED), FakeCapture()
    with live(first, second) as source:
        frames = iter(source)
        assert next(frames).seq == 0
        wait_until(lambda: first.closed)
        second.items.put(2)
        assert next(frames).seq == 1
        second.items.put(UNPLUGGED)
    assert "unplugged; reopening" in caplog.text


def test_a_camera_that_stays_away_is_given_up():
    with (
        live(FakeCapture(UNPLUGGED), patience_s=0.05) as source,
        pytest.raises(SourceError, match="got none"),
    ):
        next(iter(source))


class Laggard(FakeCapture):
    """All its pictures are old when they come."""

    def read(self):
        time.sleep(0.01)
        return Shot(np.full((2, 2, 3), 128, np.uint8), time.monotonic() - OLDEST_S - 0.1)


def test_a_camera_whose_pictures_are_always_old_is_given_up_and_told():
    with live(Laggard(), patience_s=0.2) as source:
        with pytest.raises(SourceError, match=r"got none for 0 s \(frames are 0\.7 s old when they come\)"):
            next(iter(source))
        (reason, *_) = source.health.report(0).reasons
    assert (reason.name, reason.text) == ("no_frames", "frames are 0.7 s old when they come")


def test_pictures_that_are_fresh_again_are_no_trouble():
    capture = FakeCapture((time.monotonic() - 9, 128))
    with live(capture) as source:
        wait_until(lambda: [r.name for r in source.health.report(0).reasons] == ["no_frames"])
        capture.items.put(128)
        wait_until(lambda: not source.health.report(0).reasons)
        capture.items.put(UNPLUGGED)


def test_a_camera_that_comes_late_is_waited_for():
    devices = []
    with closing(Live("cam", lambda: devices.pop() if devices else absent(), first_pause_s=0.001)) as source:
        wait_until(lambda: source.health.report(0).reasons)
        report = source.health.report(0)
        assert (report.state, report.reasons[0].name, report.reasons[0].text) == (
            *("starting", "no_camera", "no such device"),
        )
        devices.append(FakeCapture(1, UNPLUGGED))
        assert next(iter(source)).seq == 0


def test_a_wrong_password_is_a_state_of_its_own():
    with closing(Live("cam", lambda: absent(AccessError("refused")), first_pause_s=0.001)) as source:
        wait_until(lambda: source.health.report(0).reasons)
        assert source.health.report(0).reasons[0].name == "login"


def test_a_camera_that_comes_back_has_no_trouble_of_old():
    grey = [np.uint8(0)] * 8  # black, then unplugged, then of another size
    second = FakeCapture()
    with live(FakeCapture(*grey, UNPLUGGED), second) as source:
        wait_until(lambda: [r.name for r in source.health.report(0).reasons][:1] == ["no_camera"])
        second.items.put(200)
        wait_until(lambda: not source.health.report(0).reasons)
        second.items.put(UNPLUGGED)


def test_a_bug_in_the_capture_reaches_the_reader():
    with live(FakeCapture(ZeroDivisionError("bug"))) as source, pytest.raises(ZeroDivisionError, match="bug"):
        next(iter(source))


def test_closing_ends_the_iteration():
    capture = FakeCapture(1)
    with live(capture) as source:
        frames = iter(source)
        next(frames)
        capture.items.put(UNPLUGGED)
    assert list(frames) == []
    assert capture.closed

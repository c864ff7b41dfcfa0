"""A recording as a camera: at its own rate, again and again, and nothing that is old."""

from contextlib import closing
from itertools import islice

import numpy as np
import pytest

from perception.errors import SourceError
from perception.sources.replay import Replay
from perception.types import Frame


class Clip:
    """Frames 0.1 s apart."""

    live, fps, lost = False, 10.0, 1

    def __init__(self, count=5, images=False, steps=()):
        """`steps`: frame -> ns by which the clock is set from there on."""
        self.count, self.images, self.closed, self.steps = count, images, False, dict(steps)

    def __iter__(self):
        shift = 10**12
        for seq in range(self.count):
            shift += self.steps.get(seq, 0)
            yield Frame(np.zeros((2, 2, 3), np.uint8), seq * 100_000_000 + shift, seq, "a.mp4")

    def close(self):
        self.closed = True


class Clock:
    """Time that passes only where somebody waits or works."""

    now = 100.0

    def __call__(self):
        return self.now

    def wait(self, seconds):
        self.now += seconds
        return False


def replay(clip, clock):
    source = Replay(lambda: clip, clock, lambda: round(clock() * 1e9))
    source._stop.wait = clock.wait
    return closing(source)


def test_frames_come_when_they_are_due_and_begin_again():
    clock, clip = Clock(), Clip(3)
    with replay(clip, clock) as source:
        frames = [(f.seq, clock.now, f.stamp_ns / 1e9, f.source) for f in islice(source, 5)]
    assert [seq for seq, *_ in frames] == [0, 1, 2, 3, 4]
    assert [now for _, now, *_ in frames] == pytest.approx([100, 100.1, 100.2, 100.2, 100.3])
    assert [stamp for _, _, stamp, _ in frames] == pytest.approx([now for _, now, *_ in frames])
    assert [name for *_, name in frames] == ["a.mp4"] * 3 + ["a.mp4 (2)"] * 2
    assert source.lost == 2


def test_what_came_due_while_nobody_asked_is_dropped():
    clock = Clock()
    with replay(Clip(8), clock) as source:
        seen = []
        for frame in islice(source, 3):
            seen.append(frame.seq)
            clock.now += 0.25  # a slow pipeline
    assert seen == [0, 2, 5]
    assert source.dropped == 3


@pytest.mark.parametrize("step_s", [-60, 3600])
def test_a_recording_whose_clock_was_set_goes_on_at_once(step_s):
    clock, clip = Clock(), Clip(6, steps={3: step_s * 10**9})
    with replay(clip, clock) as source:
        frames = [(f.seq, clock.now, f.stamp_ns / 1e9) for f in islice(source, 6)]
    assert [seq for seq, *_ in frames] == [0, 1, 2, 3, 4, 5]
    assert source.dropped == 0
    assert [now for _, now, _ in frames] == pytest.approx([100, 100.1, 100.2, 100.2, 100.3, 100.4])
    assert [stamp for *_, stamp in frames] == pytest.approx([now for _, now, _ in frames])


def test_an_overdue_frame_tells_when_it_was_due():
    clock = Clock()
    with replay(Clip(3), clock) as source:
        frames = iter(source)
        next(frames)
        clock.now += 0.14  # the next one was due 0.04 s ago
        frame = next(frames)
    assert (frame.stamp_ns / 1e9, frame.taken_ns / 1e9) == pytest.approx((100.1, 100.1), abs=1e-6)


def test_closed_before_its_first_frame_it_closes_the_recording():
    clip = Clip()
    Replay(lambda: clip).close()
    assert clip.closed


def test_a_recording_that_is_slow_to_read_is_not_dropped():
    clock = Clock()

    class Slow(Clip):
        def __iter__(self):
            for frame in super().__iter__():
                clock.now += 0.3
                yield frame

    with replay(Slow(5), clock) as source:
        assert [f.seq for f in islice(source, 5)] == [0, 1, 2, 3, 4]
    assert source.dropped == 0


def test_images_and_one_frame_are_no_video():
    with pytest.raises(SourceError, match="unrelated images"):
        Replay(lambda: Clip(images=True))
    with replay(Clip(1), Clock()) as source, pytest.raises(SourceError, match="fewer than two"):
        list(source)

"""The pipeline on a scripted network, and the loop with sources and sinks that fail."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from threading import Thread

import numpy as np
import pytest

from perception.backends.finite import FiniteBackend
from perception.backends.scripted import ScriptedBackend
from perception.errors import FrameError, PerceptionError, SinkError, SourceError, Withheld
from perception.pipeline import MAX_FAILURES, Outcome, Pipeline, run
from perception.preprocess.cpu import CpuPreprocess
from perception.signals import stopped_as_interrupted
from perception.types import Frame, Scene


class Brightness:
    """A task that reports the network's one number as an empty list of lanes, or as nothing."""

    name, classes, outputs, needs = "lanes", ("line",), ("lanes.map",), ()

    def decode(self, raw, frame, box, scene):
        return replace(scene, lanes=())

    def draw(self, canvas, scene):
        pass


class ListSource:
    """Frames and exceptions, in order; an exception is raised when its turn comes."""

    live, images, fps = False, False, None

    def __init__(self, *items) -> None:
        self.items = items
        self.lost = 0
        self.closed = False

    def __iter__(self):
        for item in self.items:
            if isinstance(item, BaseException):
                raise item
            yield item

    def close(self):
        self.closed = True


class ListSink:
    def __init__(self, fails_at: int = -1) -> None:
        self.fails_at = fails_at
        self.seqs = []
        self.closed = False

    def write(self, frame, scene):
        if scene.seq == self.fails_at:
            raise SinkError("disk full")
        self.seqs.append(scene.seq)

    def close(self):
        self.closed = True


def frame(seq: int = 0, shape: tuple[int, ...] = (90, 160, 3)) -> Frame:
    return Frame(np.zeros(shape, np.uint8), seq, seq)


def answering(*values: float) -> Pipeline:
    raws = [{"lanes.map": np.full((1, 2), value, np.float32)} for value in values]
    return Pipeline(ScriptedBackend(raws), CpuPreprocess(), [Brightness()])


def see(frame: Frame) -> Scene:
    """A pipeline that finds frame 3, and those from 100 on, too hard."""
    if frame.seq == 3 or frame.seq >= 100:
        raise FrameError(f"frame {frame.seq} is too hard")
    return Scene(frame.seq, frame.stamp_ns, frame.size)


def test_a_frame_becomes_a_scene_with_the_time_of_each_stage():
    scene = answering(0)(frame(seq=5))
    assert (scene.seq, scene.stamp_ns, scene.size, scene.lanes) == (5, 5, (160, 90), ())
    assert scene.signs is None
    assert list(scene.timing_ms) == ["preprocess", "network", "lanes"]
    assert min(scene.timing_ms.values()) > 0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_an_answer_that_is_not_finite_fails_the_frame(bad):
    with pytest.raises(FrameError, match=r"NaN or infinity in lanes\.map"):
        answering(bad)(frame())


def test_a_single_nan_is_found():
    array = np.zeros((1, 8, 96, 160), np.float32)
    array[0, 7, 95, 3] = np.nan
    with pytest.raises(FrameError, match=r"signs\.logits"):
        FiniteBackend(ScriptedBackend([{"signs.logits": array}]))(None)


@pytest.mark.parametrize("shape", [(90, 160), (90, 160, 4), (0, 160, 3), (90, 0, 3)])
def test_an_image_of_another_form(shape):
    with pytest.raises(FrameError, match=r"expected a BGR image \(H, W, 3\) uint8, got"):
        answering(0)(frame(shape=shape))


@pytest.mark.parametrize(("width", "height"), [(257, 1), (3, 3400), (4000, 15)])
def test_a_strip_is_skipped_and_the_next_image_is_seen(width, height):
    sink = ListSink()
    frames = ListSource(frame(0, (height, width, 3)), frame(1), frame(2, (1, 256, 3)))
    assert run(frames, answering(0.0, 0.0), [sink]).failed == 1
    assert sink.seqs == [1, 2]


def test_an_image_of_another_type():
    with pytest.raises(FrameError, match="got uint16"):
        answering(0)(Frame(np.zeros((90, 160, 3), np.uint16), 0, 0))


def test_a_frame_may_change_its_size():
    pipeline = answering(0, 0)
    sizes = [pipeline(frame(shape=shape)).size for shape in [(90, 160, 3), (61, 33, 3)]]
    assert sizes == [(160, 90), (33, 61)]


def test_an_image_is_taken_as_a_frame():
    scene = answering(0.0)(np.zeros((90, 160, 3), np.uint8))
    assert (scene.seq, scene.stamp_ns, scene.size) == (0, 0, (160, 90))


@pytest.mark.parametrize("given", [None, "street.jpg", [[0]]])
def test_what_is_no_frame(given):
    with pytest.raises(FrameError, match=rf"expected a Frame or a BGR image .* got {type(given).__name__}"):
        answering(0.0)(given)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"image": None}, "NoneType.* cv2.imread gives None"),
        ({"stamp_ns": None}, "expected a whole number as stamp_ns, got None"),
        ({"stamp_ns": 1.5}, "stamps are nanoseconds"),
        ({"seq": "7"}, "expected a whole number as seq"),
    ],
)
def test_a_frame_of_something_else_is_skipped_and_the_next_is_seen(bad, says):
    pipeline = answering(0.0, 0.0)
    with pytest.raises(FrameError, match=says):
        pipeline(replace(frame(1), **bad))
    assert pipeline(replace(frame(2), stamp_ns=np.int64(2))).stamp_ns == 2


class Reader(Brightness):
    name, outputs, needs = "signs", (), ("lanes",)


def test_what_reads_from_a_task_that_is_left_out_is_left_out_too():
    pipeline = answering(0.0)
    pipeline.tasks = [Brightness(), Reader()]
    scene = pipeline(frame(), without={"lanes"})
    assert not {"lanes", "signs"} & set(scene.timing_ms)
    pipeline.prepare(["lanes"])  # nothing is left to open a network for
    with pytest.raises(PerceptionError, match="expected tasks of lanes, signs, got 'lane'"):
        pipeline(frame(), without=["lane"])


def test_closing_closes_every_network():
    backends = [ScriptedBackend([]), ScriptedBackend([])]
    Pipeline(backends[0], CpuPreprocess(), [], backends[1:]).close()
    assert [backend.closed for backend in backends] == [True, True]


def test_every_frame_reaches_every_sink():
    source, sinks = ListSource(*map(frame, range(3))), [ListSink(), ListSink()]
    assert run(source, see, sinks) == Outcome(3, answered=3)
    assert [sink.seqs for sink in sinks] == [[0, 1, 2]] * 2
    assert source.closed
    assert sinks[0].closed
    assert sinks[1].closed


def test_a_hard_frame_is_counted_and_the_next_is_tried(caplog):
    sink = ListSink()
    assert run(ListSource(*map(frame, range(5))), see, [sink]) == Outcome(5, answered=4, failed=1)
    assert sink.seqs == [0, 1, 2, 4]
    assert "frame 3 is too hard" in caplog.text


def test_only_hard_frames_is_an_error():
    sink = ListSink()
    with pytest.raises(FrameError, match="frame 101"):
        run(ListSource(frame(100), frame(101)), see, [sink])
    assert sink.closed


def test_too_many_hard_frames_in_a_row_are_an_error():
    frames = ListSource(frame(0), *map(frame, range(100, 200)))
    sink = ListSink()
    with pytest.raises(FrameError, match=f"frame {99 + MAX_FAILURES} "):
        run(frames, see, [sink])
    assert sink.seqs == [0]


def test_ctrl_c_keeps_what_is_done_and_closes():
    source, sink = ListSource(frame(0), frame(1), KeyboardInterrupt(), frame(2)), ListSink()
    assert run(source, see, [sink]) == Outcome(2, answered=2, interrupted=True)
    assert source.closed
    assert sink.closed
    assert sink.seqs == [0, 1]


def test_hard_frames_here_and_there_do_not_add_up_to_a_failure():
    frames = [frame(seq) for pair in zip(range(4, 34), range(100, 130), strict=True) for seq in pair]
    assert run(ListSource(*frames), see, []) == Outcome(130, answered=30, failed=30, lost=70)


class Signalled(ListSink):
    """A process that is sent a signal whenever a scene is written."""

    def __init__(self, number=signal.SIGINT):
        super().__init__()
        self.number = number

    def write(self, frame, scene):
        super().write(frame, scene)
        os.kill(os.getpid(), self.number)


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("error", [FrameError("hard"), Withheld("too old")])
def test_ctrl_c_while_a_frame_fails_is_heard(error):
    def fails(frame):
        os.kill(os.getpid(), signal.SIGINT)
        raise error

    source = ListSource(frame(0), frame(1))
    assert run(source, fails, []) == Outcome(1, dropped=1, interrupted=True)
    assert source.closed


@pytest.fixture
def background_job(terminal):
    """Ctrl-C is not heard, as in a background job of a script."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.mark.usefixtures("terminal")
def test_ctrl_c_between_two_sinks_waits_for_both():
    sinks = [Signalled(), ListSink()]
    assert run(ListSource(frame(0), frame(1)), see, sinks) == Outcome(1, answered=1, interrupted=True)
    assert sinks[1].seqs == [0]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("background_job")
def test_ctrl_c_stops_no_background_job():
    assert run(ListSource(frame(0), frame(1)), see, [Signalled()]) == Outcome(2, answered=2)
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


@pytest.mark.usefixtures("background_job")
def test_sigterm_to_a_background_job_waits_for_both_sinks():
    sinks = [Signalled(signal.SIGTERM), ListSink()]
    with stopped_as_interrupted():
        assert run(ListSource(frame(0), frame(1)), see, sinks) == Outcome(1, answered=1, interrupted=True)
    assert sinks[1].seqs == [0]


@pytest.mark.parametrize("error", [SourceError("unplugged"), RuntimeError("a bug")])
def test_an_error_of_the_source_closes_the_sinks(error):
    sink = ListSink()
    with pytest.raises(type(error)):
        run(ListSource(frame(0), error), see, [sink])
    assert sink.closed
    assert sink.seqs == [0]


def test_a_run_in_another_thread():
    sink = ListSink()
    thread = Thread(target=run, args=(ListSource(frame(0)), see, [sink]))
    thread.start()
    thread.join()
    assert sink.seqs == [0]


def test_an_error_of_one_sink_closes_all():
    source, sinks = ListSource(frame(0), frame(1)), [ListSink(fails_at=1), ListSink()]
    with pytest.raises(SinkError, match="disk full"):
        run(source, see, sinks)
    assert source.closed
    assert sinks[0].closed
    assert sinks[1].closed


def test_no_more_frames_than_asked_are_taken():
    source = ListSource(frame(0), frame(1), RuntimeError("the third frame was asked for"))
    assert run(source, see, [], max_frames=2) == Outcome(2, answered=2)


def test_progress_hears_of_every_scene_and_of_losses():
    source, heard = ListSource(*map(frame, range(5))), []
    source.lost = 7
    run(
        source,
        see,
        [],
        progress=lambda outcome: heard.append((outcome.answered, outcome.failed, outcome.lost)),
    )
    assert heard == [(1, 0, 7), (2, 0, 7), (3, 0, 7), (4, 1, 7)]

"""Cameras that come and go, the threads they share, and those who look."""

import asyncio
import threading
import time
from contextlib import closing
from dataclasses import replace

import pytest

from perception.errors import SourceError
from perception.health import Health
from perception.serve.budget import Budget
from perception.serve.command import opened
from perception.serve.config import CameraConfig
from perception.serve.shot import Look
from perception.serve.viewers import BACKLOG, Studio, Viewer
from tests.serve.fakes import FakeSource, camera, frame, served
from tests.sinks.fakes import TASKS, full
from tests.sources.clips import numbered
from tests.waiting import wait_until


def test_a_camera_that_is_absent_at_first_and_fails_later_is_opened_again():
    source, tries = FakeSource(), []

    def opener():
        tries.append(1)
        if len(tries) < 3:
            raise SourceError("no such device")
        return source

    with closing(camera(None, opener=opener)) as one:
        one.start()
        wait_until(lambda: "no such device" in one.report().message)
        for seq in range(2):
            source.items.put(frame(seq))
        source.items.put(SourceError("unplugged"))
        wait_until(lambda: one.account.answered == 2 and "unplugged" in one.report().message)
        source.items.put(frame(0))
        wait_until(lambda: one.account.answered == 3)
        wait_until(lambda: one.report().state == "ok")


def test_a_fault_of_ours_ends_neither_this_camera_nor_the_others(caplog):
    with served("front", "rear") as there:
        there.sources["front"].items.put(ZeroDivisionError("a fault"))
        wait_until(lambda: "a fault" in there.cameras["front"].report().message)
        there.give(0, name="rear")
        there.give(0)
        wait_until(lambda: all(one.account.answered for one in there.cameras.values()))


def test_a_source_that_has_a_health_is_judged_by_it_alone():
    source = FakeSource()
    source.health = Health("cam", now_ns=time.monotonic_ns())
    with closing(camera(source)) as one:
        one.start()
        wait_until(lambda: one.health is source.health)
        assert source.health.limits.deadline_ms == 5e3
        source.health.arrived(time.monotonic_ns())
        source.items.put(frame(0))
        wait_until(lambda: one.account.answered == 1)
        source.health.say("frozen", "the same bytes", time.monotonic_ns())
        source.items.put(frame(1))
        wait_until(lambda: one.account.failed == 1)
        assert one.account.answered == 1


def test_every_frame_is_accounted_for_over_all_openings():
    source = FakeSource()
    for _ in range(3):  # before an opening that ends can put its None between them
        for seq in (0, 2, 3):  # frame 1 is lost on the way
            source.items.put(frame(seq))
        source.items.put(SourceError("unplugged"))
    with closing(camera(source)) as one:
        one.start()
        wait_until(lambda: one.account.answered == 9)
        wait_until(lambda: not one.account.in_work)
        assert (one.account.captured, one.account.lost) == (12, 3)


@pytest.mark.parametrize(
    ("threads", "cameras", "each", "most"), [(2, 1, 2, 1), (2, 3, 1, 2), (8, 2, 4, 2), (1, 4, 1, 1)]
)
def test_pipelines_keep_to_the_threads_they_share(threads, cameras, each, most):
    budget, inside, go = Budget(threads, cameras), [], threading.Event()

    def work():
        with budget.turn():
            inside.append(1)
            go.wait(timeout=20)

    workers = [threading.Thread(target=work) for _ in range(most + 2)]
    for worker in workers:
        worker.start()
    wait_until(lambda: len(inside) == most)
    wait_until(lambda: len(budget._waiting) == 2)
    assert (budget.each, len(inside)) == (each, most)
    go.set()
    for worker in workers:
        worker.join()
    assert len(inside) == most + 2


class Collector:
    every, hungry = True, True

    def __init__(self, wait=None):
        self.seqs, self.wait = [], wait

    def take(self, shot):
        if self.wait:
            self.wait.wait(timeout=20)
        self.seqs.append(shot.frame.seq)


def test_a_recorder_that_is_slow_misses_frames_and_they_are_counted():
    go, studio = threading.Event(), Studio("front", Look(TASKS))
    slow = Collector(go)
    studio.join(slow)
    studio.write(frame(0), full(frame(0)))
    wait_until(lambda: studio.made == 1)
    for seq in range(1, BACKLOG + 4):
        studio.write(frame(seq), full(frame(seq)))
    go.set()
    studio.close()
    assert slow.seqs == [0, *range(4, BACKLOG + 4)]
    assert studio.missed == 3


def test_one_who_fails_is_left_out_and_the_others_go_on(caplog):
    class Failing(Collector):
        def take(self, shot):
            raise ZeroDivisionError

    studio, other = Studio("front", Look(TASKS)), Collector()
    studio.join(Failing())
    studio.join(other)
    for seq in range(3):
        studio.write(frame(seq), full(frame(seq)))
    studio.close()
    assert other.seqs == [0, 1, 2]
    assert studio.lookers == 1
    assert "left out" in caplog.text


def test_a_scene_that_is_old_when_it_is_to_be_sent_is_not():
    """The server was stopped between its judgement and the viewer."""

    async def seen():
        with Viewer(studio, lambda shot: shot.frame.seq) as viewer:
            soon = asyncio.ensure_future(viewer.next())
            await asyncio.sleep(0)  # it is hungry
            studio.write(frame(0, age_s=3600), full(frame(0)))
            await asyncio.to_thread(wait_until, lambda: studio.made == 1)
            await asyncio.to_thread(wait_until, lambda: viewer.hungry)
            studio.write(frame(1), full(frame(1)))
            return await soon

    with closing(Studio("front", Look(TASKS), lambda: 1e6)) as studio:
        assert asyncio.run(seen()) == 1


def test_a_video_is_played_as_a_camera(tmp_path):
    path = numbered(tmp_path / "a.mp4")
    with closing(opened(CameraConfig("front", str(path)))) as source:
        frames = [frame for frame, _ in zip(source, range(45), strict=False)]
    assert source.live
    assert [f.seq for f in frames] == sorted({f.seq for f in frames})
    assert frames[-1].source == "a.mp4 (2)"


def test_a_camera_whose_frames_are_dropped_says_so(monkeypatch):
    monkeypatch.setattr("perception.drops.EVERY_NS", 0)
    source = FakeSource()
    source.dropped = 5
    with closing(camera(source)) as one:
        one.start()
        source.items.put(frame(5))
        wait_until(lambda: "5 of the last 6 frames were dropped" in one.report().message)


def test_what_is_shed_is_named_in_the_scene_and_told_to_the_health_of_the_source():
    source, of = FakeSource(), []
    source.health = Health("cam", now_ns=time.monotonic_ns())

    def shedding(health, turn):
        of.append(health)

        def see(frame):
            with turn():  # nobody else has it, so that waiting is measured here
                return replace(full(frame), shed=("signs",))

        return see

    with closing(camera(source, shedding=shedding)) as one:
        seen = []
        one.on_scene = lambda age_ms, scene: seen.append(scene.shed)
        one.start()
        source.health.arrived(time.monotonic_ns())
        source.items.put(frame(0))
        wait_until(lambda: seen == [("signs",)])
        assert of == [source.health]

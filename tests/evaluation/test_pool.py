"""Work in other processes: the same pieces, failures that stay where they happen, nobody left behind."""

import os
import signal
import time
from contextlib import closing
from multiprocessing import active_children

import pytest

from perception.errors import BundleError, PerceptionError
from perception.evaluation.pool import Pool, in_processes
from perception.evaluation.work import alone
from tests.evaluation.workers import dying, no_bundle, shouting, units

DRIVES = [["a", "b", "c", "d", "e"], ["f"], ["g", "h", "i"]]


def said(pieces):
    """(drive, part) to the records of its pieces in the order they came."""
    found = {}
    for piece in pieces:
        found.setdefault((piece.drive, piece.part), []).extend(piece.records)
    return found


def failures(pieces):
    return {piece.drive: piece.failure for piece in pieces if piece.failure}


@pytest.mark.parametrize("workers", [1, 2])
def test_processes_say_what_one_says(workers):
    pieces = list(in_processes(units(*DRIVES), shouting, workers))
    assert said(pieces) == said(alone(units(*DRIVES), shouting))
    assert sum(piece.last for piece in pieces) == 3 + 1 + 2
    assert not active_children()


@pytest.mark.parametrize(("word", "reason"), [("bad", "labels.json, line 3"), ("bug", "Traceback")])
@pytest.mark.parametrize("way", [alone, lambda *work: in_processes(*work, 2)])
def test_a_drive_that_fails_is_named_and_the_rest_goes_on(word, reason, way):
    pieces = list(way(units(["a", word], ["b", "c", "d"]), shouting))
    assert failures(pieces).keys() == {0}
    assert reason in failures(pieces)[0]
    assert said(pieces)[1, 1] == ["D"]


def test_what_is_left_of_a_failed_drive_is_not_begun():
    drives = units(["bad", "b", "c", "d"], ["e"])
    assert (
        said(alone(drives, shouting))
        == said(in_processes(drives, shouting, 1))
        == {(0, 0): [], (1, 0): ["E"]}
    )


def test_a_worker_that_is_killed_is_replaced():
    pieces = list(in_processes(units(["a", "kill"], ["kill"], ["b", "c", "d"]), shouting, 1))
    assert "killed by SIGKILL" in failures(pieces)[0]
    assert failures(pieces).keys() == {0, 1}
    assert said(pieces)[2, 1] == ["D"]


def test_a_worker_that_dies_while_it_waits_is_replaced():
    with closing(Pool(shouting, 1)) as pool:
        pool.give(0, units(["a"])[0])
        while not pool.hear()[1].last:
            pass
        [child] = active_children()
        os.kill(child.pid, signal.SIGKILL)
        child.join()
        pool.give(0, units(["b"])[0])
        assert "killed by SIGKILL" in pool.hear()[1].failure
        pool.give(0, units(["c"])[0])
        assert pool.hear()[1].records == ("C",)


def test_what_no_worker_can_open_ends_the_whole():
    with pytest.raises(BundleError, match="no bundle here"):
        list(in_processes(units(["a"]), no_bundle, 2))
    with pytest.raises(PerceptionError, match=r"killed by SIGKILL\); try fewer workers"):
        list(in_processes(units(["a"]), dying, 1))
    assert not active_children()


def test_whoever_stops_listening_leaves_no_process():
    with closing(in_processes(units(*DRIVES), shouting, 2)) as pieces:
        next(pieces)
        children = active_children()
    assert len(children) == 2
    deadline = time.monotonic() + 10
    while active_children() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not active_children()

"""A scene of a live camera is given while it is fresh, and carries its age."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perception.errors import FrameError, Withheld
from perception.guard import Guard
from perception.health import Health, Limits
from perception.pipeline import Outcome, run
from tests.test_pipeline import ListSink, ListSource, frame, see

MS = 1_000_000


def shot(seq: int, taken_ms: int):
    return replace(frame(seq), taken_ns=taken_ms * MS)


def test_a_scene_carries_its_age():
    assert Guard(see, Health(), lambda: 1040 * MS)(shot(0, 1000)).age_ms == 40.0


def test_an_old_scene_is_withheld():
    with pytest.raises(Withheld, match="601 ms old"):
        Guard(see, Health(), lambda: 1601 * MS)(shot(0, 1000))


def test_a_frame_that_fails_is_told():
    def nan(frame):
        raise FrameError("NaN")

    health = Health()
    with pytest.raises(FrameError, match="NaN"):
        Guard(nan, health)(shot(0, 0))
    assert health.report(1).reasons[0].text == "a frame failed: NaN"


def test_a_run_goes_on_and_counts_what_is_withheld_as_failed():
    source, sink, outcome = ListSource(*(shot(k, 0) for k in range(4, 24))), ListSink(), Outcome()
    source.live, source.health = True, Health("cam", Limits(oldest_ms=0.0))
    run(source, see, [sink], outcome=outcome)
    assert (sink.seqs, outcome.captured, outcome.failed, outcome.lost) == ([], 24, 20, 4)

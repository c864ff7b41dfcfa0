"""What a run says of itself while it goes on."""

from __future__ import annotations

import re
from types import SimpleNamespace

from perception.errors import SinkError
from perception.training.log import EVERY, Log


def test_the_time_that_is_left_follows_from_the_share_that_is_done(tmp_path, capsys, monkeypatch):
    now = iter([100.0, 160.0])
    monkeypatch.setattr("perception.training.log.time", SimpleNamespace(monotonic=lambda: next(now)))
    with Log(tmp_path, 200, 0.25) as log:  # resumed after a quarter; another quarter in a minute
        log.write(200 + EVERY, 0.5, {"loss.lanes": 1.0})
    said = capsys.readouterr().out
    assert re.search(r"step 250, 1\.200 s each, 0:02:00 left: lanes 1\.000", said)


def rows(folder):
    return [line.split(",")[:2] for line in (folder / "log.csv").read_text().splitlines()]


def test_the_end_of_a_run_is_written_too(tmp_path):
    with Log(tmp_path, 0, 0.0) as log:
        for step in range(1, EVERY + 4):
            log.write(step, step / (EVERY + 3), {"loss.lanes": float(step)})
    assert [step for step, name in rows(tmp_path) if name == "loss.lanes"] == ["50", "53"]
    assert "53,loss.lanes,52" in (tmp_path / "log.csv").read_text()


def test_a_full_disk_is_told_by_the_one_who_met_it(tmp_path):
    log = Log(tmp_path, 0, 0.0)
    log.write(1, 0.1, {"loss.lanes": 1.0})
    log.__exit__(SinkError, SinkError("the disk is full"), None)
    assert rows(tmp_path) == []


def test_steps_that_are_done_again_are_written_once(tmp_path):
    (tmp_path / "log.csv").write_bytes(b"50,loss.lanes,1\r\n100,loss.lanes,2\r\n150,loss.la")
    with Log(tmp_path, 70, 0.35) as log:
        for step in range(71, 101):
            log.write(step, step / 200, {"loss.lanes": 3.0})
    assert rows(tmp_path) == [["50", "loss.lanes"], ["100", "loss.lanes"], ["100", "seconds"]]
    assert "100,loss.lanes,3" in (tmp_path / "log.csv").read_text()


def test_the_pace_is_that_of_the_steps_since_the_last_row(tmp_path, monkeypatch):
    now = iter([100.0, 110.0])
    monkeypatch.setattr("perception.training.log.time", SimpleNamespace(monotonic=lambda: next(now)))
    with Log(tmp_path, 40, 0.4) as log:  # resumed: ten steps to the next row
        log.write(50, 0.5, {"loss.lanes": 1.0})
    assert "50,seconds,1\n" in (tmp_path / "log.csv").read_text()

"""The log: the same message seldom, a file that does not grow for ever, no password in it."""

from __future__ import annotations

import json
import logging
from contextlib import closing

import pytest
from rich.console import Console

from perception.cli import log as told
from perception.cli.log import BURST, KINDS, LogFile, Seldom, log_to
from perception.errors import SinkError


class Kept(logging.Handler):
    def __init__(self):
        super().__init__()
        self.lines = []

    def emit(self, record):
        self.lines.append(record.getMessage())


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def kept():
    return Kept()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def log(kept, clock):
    logger = logging.Logger("camera")
    logger.addHandler(Seldom([kept], clock))
    return logger


def test_the_same_message_is_told_a_few_times_and_then_seldom(log, kept, clock):
    for k in range(300):
        clock.now = k / 30  # ten seconds at 30 fps
        log.warning("frame %d skipped", k)
    assert kept.lines == [f"frame {k} skipped" for k in range(BURST)]
    clock.now = 15
    log.warning("frame %d skipped", 300)
    assert kept.lines[BURST:] == ["frame 300 skipped (and 295 more of this kind)"]


def test_after_a_silence_it_is_told_as_at_first(log, kept, clock):
    for k in range(2 * BURST):
        clock.now = 60.0 * k
        log.warning("opened again")
    assert kept.lines == ["opened again"] * 2 * BURST


def test_texts_that_differ_in_numbers_alone_are_the_same(log, kept):
    for k in range(50):
        log.warning(f"error while decoding MB {k} {2 * k} at 0x{k:x}af")
    assert len(kept.lines) == BURST


def test_errors_and_changes_of_health_are_all_told(log, kept):
    for _ in range(20):
        log.error("the recording has ended")
        log.warning("stale", extra={"health": {}})
    assert len(kept.lines) == 40


def test_what_is_remembered_is_bounded(log):
    for k in range(2 * KINDS):
        log.warning("x" * k)
    assert len(log.handlers[0]._seen) == KINDS


def test_a_full_file_is_renamed_and_few_stay(tmp_path, monkeypatch):
    monkeypatch.setattr(told, "LARGEST", 100)
    file = LogFile(tmp_path / "p.log")
    for k in range(100):
        file.emit(logging.LogRecord("camera", logging.WARNING, "", 0, f"line {k:03}", None, None))
    file.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["p.log", "p.log.1", "p.log.2", "p.log.3"]
    assert "line 099" in (tmp_path / "p.log").read_text()


def test_the_file_holds_lines_of_json_without_passwords(tmp_path, capsys):
    logger = logging.Logger("camera")
    with closing(log_to("json", tmp_path / "p.log", Console(stderr=True))) as handler:
        logger.addHandler(handler)
        logger.warning("rtsp://me:secret@host/1 does not answer")
    line = (tmp_path / "p.log").read_text()
    assert json.loads(line)["message"] == "rtsp://host/1 does not answer"
    assert capsys.readouterr().err == line


def test_only_a_log_is_added_to(tmp_path):
    console = Console(stderr=True)
    record = logging.LogRecord("camera", logging.WARNING, "", 0, "stale", None, None)
    for form in ("text", "json", "text"):
        with closing(log_to(form, tmp_path / "p.log", console)) as handler:
            handler.handle(record)
    assert (tmp_path / "p.log").read_text().count("stale") == 3
    for name in ("drive.mcap", "q.log.1"):
        (tmp_path / name).write_bytes(b"\x89MCAP0\r\n" * 9)
    for name in ("drive.mcap", "q.log"):
        with pytest.raises(SinkError, match="expected a log of perception"):
            log_to("text", tmp_path / name, console)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["drive.mcap", "p.log", "q.log.1"]


def test_a_file_that_cannot_be_made_is_told(tmp_path):
    with pytest.raises(SinkError, match=r"none/p\.log: expected a log file"):
        log_to("text", tmp_path / "none" / "p.log", Console(stderr=True))

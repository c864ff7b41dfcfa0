"""systemd hears of a start, of a change, and of life; a hung pipeline gives no sign of it."""

from __future__ import annotations

import socket
import time
from contextlib import closing
from queue import Queue

import pytest

from perception.health import STALE, Health, Notify, OnChange, Reason, Report, Watcher, notify

S = 1_000_000_000
OK_REPORT = Report("cam", "ok", 0, 0)
STUCK = (Reason("no_scenes", "hangs", 0),)


@pytest.fixture
def systemd(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(1)
        yield listener


def test_what_is_said(systemd):
    with closing(Notify(systemd.getsockname())) as teller:
        teller.heed(Report("cam", "starting", 0, 0))
        teller.heed(Report("cam", "ok", 0, S // 2))
        teller.heed(Report("cam", "ok", 0, 2 * S))
        teller.heed(Report("cam", STALE, 0, 4 * S, STUCK, hung=True))
    assert [systemd.recv(200).decode().split("\n") for _ in range(5)] == [
        ["READY=1", "STATUS=starting", "WATCHDOG=1"],
        ["STATUS=ok"],
        ["WATCHDOG=1"],
        ["STATUS=stale; no_scenes: hangs"],
        ["STOPPING=1"],
    ]


def test_an_abstract_address():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("")  # the kernel chooses an abstract name
        listener.settimeout(1)
        with closing(Notify("@" + listener.getsockname()[1:].decode())) as teller:
            teller.heed(OK_REPORT)
        assert listener.recv(100).startswith(b"READY=1")


def test_nobody_listens(tmp_path):
    with closing(Notify(str(tmp_path / "absent"))) as teller:
        teller.heed(OK_REPORT)


def test_there_is_one_only_below_systemd(tmp_path):
    assert notify({}) is None
    with closing(notify({"NOTIFY_SOCKET": str(tmp_path / "absent"), "WATCHDOG_USEC": "500000"})) as teller:
        assert teller._interval_ns == S // 4


def test_silence_is_told_to_the_listeners_once():
    health, heard = Health("cam"), Queue[Report]()
    health.arrived(time.monotonic_ns())
    assert health.judge(0.0, time.monotonic_ns()) == ""
    with closing(Watcher(health, [OnChange(heard.put)])):
        assert heard.get(timeout=5).state == "ok"
        assert heard.get(timeout=5).reasons[0].name == "no_frames"
    assert heard.empty()

"""systemd is told of every scene, and a systemd that is gone stops nothing."""

from __future__ import annotations

import socket

import numpy as np
import pytest

from perception.sinks.watchdog import Watchdog, watchdog
from perception.types import Frame, Scene

FRAME = Frame(np.zeros((2, 2, 3), np.uint8), 0, 0)
SCENE = Scene(0, 0, (2, 2))


@pytest.fixture
def systemd(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(1)
        yield listener


def test_ready_with_the_first_scene_then_a_sign_of_life_with_each(systemd):
    sink = Watchdog(systemd.getsockname())
    sink.write(FRAME, SCENE)
    sink.write(FRAME, SCENE)
    sink.close()
    assert [systemd.recv(100) for _ in range(3)] == [b"READY=1\nWATCHDOG=1", b"WATCHDOG=1", b"STOPPING=1"]


def test_an_abstract_address():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind("")  # the kernel chooses an abstract name
        listener.settimeout(1)
        sink = Watchdog("@" + listener.getsockname()[1:].decode())
        sink.write(FRAME, SCENE)
        sink.close()
        assert listener.recv(100).startswith(b"READY=1")


def test_nobody_listens(tmp_path):
    sink = Watchdog(str(tmp_path / "absent"))
    sink.write(FRAME, SCENE)
    sink.close()


def test_there_is_one_only_below_systemd(monkeypatch, tmp_path):
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert watchdog() is None
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "absent"))
    sink = watchdog()
    assert sink is not None
    sink.close()

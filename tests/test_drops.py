"""Frames of a camera that are dropped are said in its health."""

import time

import numpy as np
import pytest
from typer.testing import CliRunner

from perception.account import Account
from perception.cli import app
from perception.drops import Drops
from perception.health import Health, Limits
from perception.types import Frame


class BusyCamera:
    """Six frames, before each of which another was dropped."""

    live, images, fps, lost = True, False, 30.0, 0

    def __init__(self) -> None:
        self.health, self.dropped = Health("cam", Limits(oldest_ms=6e4)), 0

    def __iter__(self):
        rng = np.random.default_rng(0)
        for k in range(6):
            self.dropped = k
            image, now_ns = rng.integers(0, 255, (48, 64, 3), np.uint8), time.monotonic_ns()
            yield Frame(image, now_ns, 2 * k, taken_ns=now_ns)

    def close(self) -> None:
        pass


def test_frames_that_are_dropped_are_said_and_so_is_the_end_of_it():
    now, health, account = [0], Health(), Account()
    drops = Drops(health, lambda: now[0])
    said = []
    for dropped in (0, 3, 36, 1, 0):
        now[0] += 2 * 10**9
        account.captured, account.dropped = account.captured + 60, account.dropped + dropped
        drops(account)
        said.append([reason.text for reason in health.report(now[0]).reasons if reason.name == "dropping"])
    text = "the machine is too slow: 36 of the last 60 frames were dropped"
    assert said == [[], [], [text], [], []]


@pytest.mark.parametrize("command", [["run", "--deadline", "60000"], ["record", "--no-results"]])
def test_a_command_on_a_camera_says_so(tmp_path, monkeypatch, command):
    camera = BusyCamera()
    monkeypatch.setattr("perception.sources.open_source", lambda text: camera)
    monkeypatch.setattr("perception.drives.record.open_source", lambda text: camera)
    monkeypatch.setattr("perception.drops.EVERY_NS", 0)
    done = CliRunner().invoke(app, [*command, "0", "--out", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    assert "dropping" in [reason.name for reason in camera.health.report(time.monotonic_ns()).reasons]

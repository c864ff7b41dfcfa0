"""Cameras as the campaign handles them: started, told, killed, stopped, and asked what they sent."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from tools.campaign.picture import GOOD, HIDING

ROOT = Path(__file__).parents[2]
SYSTEM = "/usr/bin/python3"  # has the bindings of GStreamer
USER, PASSWORD, WRONG = "robot", "hunter2-opensesame", "hunter3-letmein"
ASK = "import gi; gi.require_version('GstRtspServer', '1.0'); import cv2"
TOLD_S = 60.0


class Sent(NamedTuple):
    """A line of a camera's log."""

    ms: int  # of the monotonic clock, when it was taken
    done_ms: int  # and when it was on its way
    number: int
    what: str  # a mode, or a harm
    size: tuple[int, int]
    rate: float

    @property
    def readable(self) -> bool:
        return self.what not in (*HIDING, "corrupt")  # damage that a decoder need not notice

    @property
    def good(self) -> bool:
        return self.what == GOOD


class Camera:
    """Kinds: pipe, ts, http, rtsp. It is not running before `start`."""

    def __init__(self, kind: str, folder: Path, guarded: bool = False) -> None:
        """`guarded`: it asks for a password."""
        self.kind, self.folder = kind, folder
        self.log, self.login = folder / "camera.log", folder / "login"
        self.log.touch()
        self._process: subprocess.Popen[bytes] | None = None
        self._guarded = guarded
        self._asked = folder / "asked"  # what the camera takes
        self.login.write_text(f"{USER}:{PASSWORD}")
        self._asked.write_text(f"{USER}:{PASSWORD}")
        if kind in ("pipe", "ts"):
            self.place = str(folder / "camera")
            os.mkfifo(self.place)
        else:
            self.place = str(free_port())

    @property
    def source(self) -> str:
        """As the command line takes it."""
        if self.kind in ("pipe", "ts"):
            return self.place
        path = "front" if self.kind == "rtsp" else "video"
        login = f"login=file:{self.login}&" if self._guarded else ""
        scheme = "rtsp" if self.kind == "rtsp" else "http"
        return f"{scheme}://127.0.0.1:{self.place}/{path}#{login}wait=ever"

    def start(self, *orders: str, locked: bool = False) -> None:
        """`locked`: it takes another password than the one that is known."""
        known = self.login.read_text()
        other = WRONG if known.endswith(PASSWORD) else PASSWORD
        self._asked.write_text(f"{USER}:{other}" if locked else known)
        python = SYSTEM if self.kind == "rtsp" else sys.executable
        words = [python, "-m", "tools.campaign.camera", self.kind, self.place, str(self.log)]
        words += ["--login", str(self._asked)] if self._guarded else []
        words += ["--orders", ",".join(orders)] if orders else []
        self._process = subprocess.Popen(
            words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=self._complaints()
        )

    def _complaints(self) -> int:
        return os.open(self.folder / "camera.err", os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC)

    def tell_password(self) -> None:
        """The one that the camera takes is known from now on."""
        self.login.write_text(self._asked.read_text())

    def tell(self, *orders: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f"{order}\n" for order in orders).encode())
        self._process.stdin.flush()

    def stop(self) -> None:
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            if self._process.stdin is not None:
                self._process.stdin.close()
            self._complete()
        self._process = None

    def _complete(self) -> None:
        """It may have sent one picture more than it has noted."""
        announced = self.log.with_suffix(".now")
        last = announced.read_text() if announced.exists() else ""
        if last.endswith("\n") and (noted := self.sent()) and _sent(last.rstrip()).ms > noted[-1].ms:
            with self.log.open("a") as log:
                log.write(last)

    close = kill

    def _signal(self, number: int) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def sent(self) -> list[Sent]:
        whole = self.log.read_text().rpartition("\n")[0]
        return [_sent(line) for line in whole.splitlines()]

    def last(self) -> Sent | None:
        sent = self.sent()
        return sent[-1] if sent else None

    def await_sent(self, since_ms: int, *, good: bool = False, what: str = "", size: object = None) -> Sent:
        """The first picture after that moment that is so. Raises TimeoutError."""
        end = time.monotonic() + TOLD_S
        while time.monotonic() < end:
            for sent in self.sent():
                fits = (not good or sent.good) and what in ("", sent.what) and size in (None, sent.size)
                if sent.ms >= since_ms and fits:
                    return sent
            time.sleep(0.01)
        raise TimeoutError(f"the camera ({self.kind}) sends nothing: {self._said()}")

    def _said(self) -> str:
        return (self.folder / "camera.err").read_text()[-300:] if self._process else "it does not run"


def _sent(line: str) -> Sent:
    ms, done_ms, number, what, size, rate = line.split()
    width, height = size.split("x")
    return Sent(int(ms), int(done_ms), int(number), what, (int(width), int(height)), float(rate))


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def has_rtsp() -> bool:
    """Whether this machine has a real RTSP server."""
    try:
        return subprocess.run([SYSTEM, "-c", ASK], capture_output=True).returncode == 0
    except OSError:
        return False

"""Running commands of `perception`, and what they say while they run."""

from __future__ import annotations

import json
import os
import re
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, NamedTuple

from tools.campaign.cameras import ROOT

TOKEN = "campaign-token-39a1f7c2"
NETWORK = (
    *("--tasks", "drivable", "--stages", "none", "--threads", "1"),
    *("--device", "cpu", "--runtime", "onnxruntime"),
)
DEADLINE_MS = 60_000  # a busy machine misses a shorter one; what is older than 600 ms is withheld anyway
ENDS_S = 120.0
LEVELS = {"OK": "ok", "WARN": "degraded", "ERROR": "failed", "STALE": "stale"}
NODE = re.compile(r"(OK|WARN|ERROR|STALE): (.*); ((?:\d+ \w+, )+\d+ lost); age")
TOLD = {  # what /diagnostics say in words -> name of the reason
    "no image on": "no_frames",
    "gives none any more": "no_frames",
    "never gave one": "no_frames",
    "same picture": "frozen",
    "newest scene is older": "no_scenes",
    "did not arrive": "losing",
    "nothing is brighter": "black",
}


class Line(NamedTuple):
    at: float  # monotonic seconds
    text: str


class State(NamedTuple):
    at: float
    state: str
    reasons: frozenset[str]


class Lines:
    """Of a stream of a process, as they come; also written to `path`."""

    def __init__(self, stream: IO[bytes], path: Path) -> None:
        self.lines: list[Line] = []
        self._stream, self._path = stream, path
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        with self._stream, self._path.open("ab") as copy:
            for line in self._stream:
                copy.write(line)
                copy.flush()
                self.lines.append(Line(time.monotonic(), line.decode(errors="replace").rstrip("\n")))

    def join(self) -> None:
        self._thread.join(ENDS_S)

    @property
    def text(self) -> str:
        return "\n".join(line.text for line in list(self.lines))


class Program:
    """A process of `perception` with its own folder for all that it writes."""

    def __init__(
        self,
        words: Sequence[str],
        folder: Path,
        variables: Mapping[str, str] | None = None,
        limits: Mapping[int, int] | None = None,
        errors: int | None = None,
        output: int | None = None,
    ) -> None:
        """`limits`: of `resource`; `errors`, `output`: a descriptor in place of a pipe of ours."""
        self.folder = folder
        environment = {**os.environ, "PERCEPTION_TOKEN": TOKEN, **(variables or {})}
        self.begun = time.monotonic()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "perception", "--log", "json", *words],
            cwd=ROOT,
            env={name: value for name, value in environment.items() if value},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE if output is None else output,
            stderr=subprocess.PIPE if errors is None else errors,
            preexec_fn=_limited(limits or {}),
        )
        self.out = self._lines(self._process.stdout, "stdout.txt")
        self.err = self._lines(self._process.stderr, "stderr.txt")

    def _lines(self, stream: IO[bytes] | None, name: str) -> Lines | None:
        return None if stream is None else Lines(stream, self.folder / name)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def code(self) -> int | None:
        return self._process.poll()

    def said(self) -> str:
        return "\n".join(lines.text for lines in (self.out, self.err) if lines is not None)

    def send(self, number: int) -> None:
        self._process.send_signal(number)

    def end(self, number: int = signal.SIGTERM) -> int:
        """Its exit code. Raises TimeoutError if it does not end; it is killed then."""
        if self.alive:
            self.send(number)
        return self.wait()

    def wait(self, seconds: float = ENDS_S) -> int:
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise TimeoutError(f"it did not end within {seconds:.0f} s") from None
        for lines in (self.out, self.err):
            if lines is not None:
                lines.join()
        return code

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def memory_kb(self) -> int:
        """Its own: what it shares with files is the system's."""
        return _status(self.pid, "RssAnon")

    def descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.pid}/fd"))

    def states(self) -> list[State]:
        """What it told of its health: in the log, or as /diagnostics of the node."""
        told = [] if self.err is None else [_health(line) for line in list(self.err.lines)]
        shown = [] if self.out is None else [_diagnostics(line) for line in list(self.out.lines)]
        return [state for state in (*told, *shown) if state is not None]


def _limited(limits: Mapping[int, int]) -> Callable[[], None]:
    def apply() -> None:
        for number in (signal.SIGINT, signal.SIGHUP):  # a job in the background ignores them
            signal.signal(number, signal.SIG_DFL)
        for what, most in limits.items():
            resource.setrlimit(what, (most, most))

    return apply


def _status(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name))


def _health(line: Line) -> State | None:
    if '"health"' not in line.text:
        return None
    try:
        health = json.loads(line.text)["health"]
    except ValueError:
        return None
    return State(line.at, health["state"], frozenset(reason["name"] for reason in health["reasons"]))


def _diagnostics(line: Line) -> State | None:
    found = NODE.fullmatch(line.text.partition("; age")[0] + "; age") if "; age" in line.text else None
    if found is None:
        return None
    names = frozenset(name for words, name in TOLD.items() if words in found[2])
    return State(line.at, LEVELS[found[1]], names)


def node_counts(text: str) -> dict[str, int]:
    """Of the last line of `perception node --bus`."""
    found = [line for line in text.splitlines() if "captured" in line]
    pairs = re.findall(r"(\d+) (captured|answered|dropped|failed|lost)", found[-1]) if found else []
    return {name: int(count) for count, name in pairs}

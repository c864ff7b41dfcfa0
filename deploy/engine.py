"""A network and a device to a TensorRT engine fit for use: from the cache, or built, checked and kept."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from threading import Event, Timer
from typing import Any, NamedTuple, Protocol

from deploy.engine_build import KINDS
from perception.backends import trt as tensorrt
from perception.backends.engine_cache import (
    PLAN,
    DeviceFacts,
    EngineCache,
    EngineOptions,
    Entry,
    digest,
    identity,
    writing,
)
from perception.errors import BackendUnavailable, BundleError, FrameError

ROOT = Path(__file__).parents[1]
TIMEOUT_S = (
    1800.0  # an engine of this network takes a minute or two on Orin; a first one with CUDA's JIT longer
)
LINES = 15  # of a builder's last words, to tell why it died

# Does the engine in this file say what it must? What it says differently, or "".
Check = Callable[[Path], str]


class Progress(NamedTuple):
    """What a build is at: a phase of TensorRT's and how far that is (0 of 0 where it does not say)."""

    phase: str
    step: int = 0
    steps: int = 0


class Build(Protocol):
    """Writes the engine of the network `onnx` to `plan`. `timing`: where to keep TensorRT's timing cache."""

    def __call__(
        self, onnx: Path, plan: Path, options: EngineOptions, timing: Path, report: Callable[[Progress], None]
    ) -> None: ...


class Subprocess:
    """Builds in a process of its own, for at most `timeout_s` seconds.

    Raises what the builder raised, BackendUnavailable if it died or took too long.
    """

    def __init__(self, timeout_s: float = TIMEOUT_S) -> None:
        self.timeout_s = timeout_s

    def __call__(
        self, onnx: Path, plan: Path, options: EngineOptions, timing: Path, report: Callable[[Progress], None]
    ) -> None:
        fields = {"onnx": str(onnx), "plan": str(plan), "options": asdict(options), "timing": str(timing)}
        said: deque[str] = deque(maxlen=LINES)
        fault: dict[str, str] = {}
        with _started(json.dumps(fields)) as builder, _deadline(builder, self.timeout_s) as passed:
            for line in builder.stdout or ():
                news = _parsed(line)
                if "phase" in news:
                    report(Progress(news["phase"], news["step"], news["steps"]))
                elif "fault" in news:
                    fault = news
                elif line.strip():
                    said.append(line.strip())
            code = builder.wait()
        if passed.is_set():
            raise BackendUnavailable(
                f"expected the engine within {self.timeout_s:g} s, got none; allow more with --timeout, and "
                "see with `perception doctor` that the device is not in a low power mode"
            )
        if fault:
            raise KINDS[fault["kind"]](fault["fault"])
        if code:
            raise BackendUnavailable(_died(code, said))


@contextmanager
def _started(job: str) -> Iterator[subprocess.Popen[str]]:
    """The builder; killed if the block fails. It ends with its stdin: when this process is no more, too."""
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    with subprocess.Popen(
        [sys.executable, "-m", "deploy.engine_build", job],
        env={**os.environ, "PYTHONPATH": path},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as builder:
        try:
            yield builder
        except BaseException:
            builder.kill()
            raise


@contextmanager
def _deadline(builder: subprocess.Popen[str], seconds: float) -> Iterator[Event]:
    """Kills the builder after so many seconds; the event says that it did."""
    passed = Event()

    def end() -> None:
        passed.set()
        builder.kill()

    timer = Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield passed
    finally:
        timer.cancel()


def _parsed(line: str) -> dict[str, Any]:
    """A line of the builder's own; empty for anything that a library printed."""
    try:
        news = json.loads(line)
    except ValueError:
        return {}
    return news if isinstance(news, dict) else {}


def _died(code: int, said: deque[str]) -> str:
    how, remedy = f"exit code {code}", "run `perception doctor`"
    if code < 0:
        how = signal.Signals(-code).name
    if how == "SIGKILL":
        remedy = "memory ran out, it seems: close other programs, add swap, or take a smaller --workspace"
    elif how == "SIGSEGV":
        remedy = "without a CUDA driver TensorRT ends like that: run `perception doctor`"
    return (
        f"expected an engine from the builder, got its end by {how}: {' / '.join(said) or 'silent'}; {remedy}"
    )


def engine(
    onnx: Path,
    options: EngineOptions,
    facts: DeviceFacts,
    cache: EngineCache,
    check: Check | None = None,
    report: Callable[[Progress], None] = lambda progress: None,
    build: Build | None = None,
    version: str | None = None,
) -> Path:
    """The file of the engine of the network `onnx` for the device of `facts`; built if the cache has none.

    Two callers at once: one builds, the other waits. An engine that is damaged or that `check` refuses goes
    to quarantine and is built again, once. A run takes the engine that was asked for last. `version`: of
    TensorRT; asked for if not given.

    Raises BundleError if the network is refused or two engines were, BackendUnavailable if none can be
    built here, SinkError if the disk fails.
    """
    of = identity(_read(onnx), version or tensorrt.installed(), options, facts)
    entry = cache.sound(of)  # whoever holds the lock deals with a bad one
    if not entry or (check and not entry.checked):
        waiting = Progress("waiting for another builder of this engine")
        with cache.building(of, lambda: report(waiting)) as part:
            work = _Work(onnx, options, cache, check, report, build or Subprocess(), of)
            entry = work.stored() or work.built(part)
    cache.prefer(entry)
    return entry.plan


def _read(onnx: Path) -> bytes:
    try:
        return onnx.read_bytes()
    except OSError as error:
        raise BundleError(f"{onnx}: expected a network file, got {error.strerror}. Copy it again") from error


@dataclass
class _Work:
    """What one caller does while it holds the lock of an engine."""

    onnx: Path
    options: EngineOptions
    cache: EngineCache
    check: Check | None
    report: Callable[[Progress], None]
    build: Build
    of: dict[str, Any]
    chances: int = 2  # a bad engine is replaced once

    def stored(self) -> Entry | None:
        """The engine of the cache if it is fit for use."""
        try:
            entry = self.cache.find(self.of)
            if entry and not entry.checked and self.check:
                self._demand(entry.plan, self.check)
                entry = self.cache.confirm(entry)
        except BundleError as error:
            self._reject(error)
            return None
        return entry

    def built(self, part: Path) -> Entry:
        while True:
            self.cache.start(part)
            self.report(Progress("building the engine"))
            timing = self.cache.folder / f"{digest({**self.of, 'model': None, 'options': None})}.timing"
            with writing(part):
                self.build(self.onnx, part / PLAN, self.options, timing, self.report)
            try:
                if self.check:
                    self._demand(part / PLAN, self.check)
            except BundleError as error:
                self._reject(error, part)
            else:
                return self.cache.keep(part, self.of, checked=self.check is not None)

    def _demand(self, plan: Path, check: Check) -> None:
        """Raises BundleError if the engine does not say what it must."""
        self.report(Progress("comparing the engine with known answers"))
        try:
            differs = check(plan)
        except FrameError as error:
            differs = str(error)
        if differs:
            raise BundleError(f"expected the known answers of {self.onnx.name}, got {differs}")

    def _reject(self, error: BundleError, part: Path | None = None) -> None:
        """Quarantine; raises `error` if it was the second bad engine."""
        bad = self.cache.quarantine(self.of, part)
        self.chances -= 1
        self.report(Progress(f"bad engine put aside in {bad.name}"))
        if not self.chances:
            raise BundleError(
                f"{error}; the second one in a row, kept in {bad}. Compare versions with "
                "`perception doctor`, or run on the CPU"
            ) from error

"""Run the probes: each in its own process, as many at once as there are cores."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Semaphore
from time import perf_counter

from deploy.doctor import Probe
from deploy.doctor.finding import OK, Finding, degraded, skipped, unusable
from deploy.doctor.machine import Machine

HOME = Path(__file__).parents[2]
KEPT = 400  # characters of what a failed probe printed
HUNG = "Start the machine again and try once more; a driver that hangs shows in dmesg"
CRASHED = "A library of this probe is broken or does not fit: install it again"

Told = Callable[[Finding], None]


def examine(machine: Machine, probes: Sequence[Probe], told: Told = lambda finding: None) -> list[Finding]:
    """The finding of every probe, in their order; `told` hears of each when it is there."""
    free = Semaphore(len(os.sched_getaffinity(0)))
    with TemporaryDirectory() as folder, ThreadPoolExecutor(max(1, len(probes))) as threads:
        asked: dict[str, Future[Finding]] = {}
        for number, probe in enumerate(probes):
            needs = [asked[name] for name in probe.needs]
            out = Path(folder) / f"{number}.json"
            asked[probe.name] = threads.submit(_after, needs, free, machine, probe, out, told)
        return [future.result() for future in asked.values()]


def _after(
    needs: list[Future[Finding]], free: Semaphore, machine: Machine, probe: Probe, out: Path, told: Told
) -> Finding:
    missing = [finding.name for need in needs if (finding := need.result()).status != OK]
    if missing:
        finding = replace(skipped(f"needs {', '.join(missing)}"), name=probe.name)
    else:
        with free:
            begin = perf_counter()
            finding = ask(machine, probe, out)
            finding = replace(finding, name=probe.name, seconds=round(perf_counter() - begin, 3))
    told(finding)
    return finding


def ask(machine: Machine, probe: Probe, out: Path) -> Finding:
    """One probe; its crash or its silence is a finding, too."""
    paths = [str(HOME), *filter(None, [machine.environ.get("PYTHONPATH")])]
    process = subprocess.Popen(
        [sys.executable, "-m", "deploy.doctor.child", probe.function, str(machine.root), str(out)],
        env={**machine.environ, "PYTHONPATH": os.pathsep.join(paths)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # so that all it started can be ended with it
    )
    try:
        printed = process.communicate(timeout=probe.limit_s)[0].decode(errors="replace")
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return _failed(probe, f"no answer within {probe.limit_s:g} s", HUNG)
    return _read(out) or _failed(probe, *_crash(process.returncode, printed))


def _read(out: Path) -> Finding | None:
    """A probe that gave its answer and then crashed on its way out has given its answer."""
    try:
        return Finding(**json.loads(out.read_text()))
    except (OSError, ValueError):
        return None


def _crash(code: int, printed: str) -> tuple[str, str]:
    how = f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with code {code}"
    lines = printed.strip().splitlines() or ["it printed nothing"]
    return f"the probe {how}: {lines[-1][:KEPT]}", CRASHED


def _failed(probe: Probe, seen: str, advice: str) -> Finding:
    return unusable(seen, advice) if probe.vital else degraded(seen, advice)

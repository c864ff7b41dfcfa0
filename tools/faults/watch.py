"""Mutants are read in a process of their own, which a mutant may end; then another one goes on behind it."""

from __future__ import annotations

import logging
import os
import resource
import signal
import traceback
from collections.abc import Callable, Iterable, Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from perception.errors import PerceptionError
from tools.faults.mutants import mutant

if TYPE_CHECKING:
    from tools.faults.inputs import Input

CPU_S, MEMORY_MB = 10.0, 1024
DEADLY_MB = 4 * MEMORY_MB  # no more is had, so that this machine survives
UNREADY = "undamaged files cannot be made or read"


Make = Callable[[Path], Iterable["Input"]]  # in a folder; can be pickled


class Fault(NamedTuple):
    kind: str
    number: int
    file: str
    what: str


def faults(
    kind: str, make: Make, seed: int, numbers: range, keep: Path | None = None, cpu_s: float = CPU_S
) -> Iterator[Fault]:
    """Of the mutants with these numbers, of the files of `make`; `keep`: a folder for those at fault.

    Without the undamaged files there are no mutants: that is one fault, and the last.
    """
    first = numbers.start
    while first < numbers.stop:
        left = range(first, numbers.stop)
        here, there = get_context("spawn").Pipe(duplex=False)
        process = get_context("spawn").Process(target=work, args=(kind, make, seed, left, there, keep, cpu_s))
        process.start()
        there.close()
        last, file = first - 1, ""
        try:
            while True:
                told = here.recv()
                if isinstance(told, Fault):
                    yield told
                else:
                    last, file = told
        except EOFError:
            process.join()
        if not process.exitcode:
            return
        code = process.exitcode
        what = f"more than {cpu_s:g} s of a processor" if code == -signal.SIGPROF else f"it ended with {code}"
        if last < first:
            yield Fault(kind, first, file, f"{UNREADY}: {what}")
            return
        yield Fault(kind, last, file, what)
        first = last + 1


def work(
    kind: str, make: Make, seed: int, numbers: range, there: Connection, keep: Path | None, cpu_s: float
) -> None:
    """In the child: tell each mutant before it is read."""
    logging.disable(logging.CRITICAL)
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # native libraries complain there
    with TemporaryDirectory() as folder:
        try:
            inputs = list(make(Path(folder)))
            whole = [one.path.read_bytes() for one in inputs]
            for one in inputs:
                one.read()  # whatever is loaded and compiled is, and undamaged files are read
        except Exception:
            there.send(Fault(kind, numbers.start, "", f"{UNREADY}: {traceback.format_exc()}"))
            return
        _bounded()
        for number in numbers:
            random = Random(f"{seed}:{kind}:{number}")
            one, before = inputs[number % len(inputs)], whole[number % len(inputs)]
            data = mutant(before, random, one.changes)
            one.path.write_bytes(data)
            name = str(one.path.relative_to(folder))
            kept = keep and keep / f"{kind}-{number}-{one.path.name}"
            if kept:
                kept.write_bytes(data)
            there.send((number, name))
            what = wrong(one, cpu_s)
            one.path.write_bytes(before)
            if what is not None:
                there.send(Fault(kind, number, name, what))
            elif kept:
                kept.unlink()


def wrong(one: Input, cpu_s: float) -> str | None:
    """What is wrong with how a mutant is read. The process ends if it takes too long."""
    what = None
    signal.setitimer(signal.ITIMER_PROF, cpu_s)  # nobody handles SIGPROF
    Path("/proc/self/clear_refs").write_text("5")  # peak memory counts from here
    try:
        one.read()
        what = "a changed description is accepted" if one.sealed else None
    except PerceptionError:
        pass
    except Exception:
        what = traceback.format_exc()
    signal.setitimer(signal.ITIMER_PROF, 0)
    spent = _peak_mb()
    return what or (f"{spent:.0f} MB of memory" if spent > MEMORY_MB else None)


def _bounded() -> None:
    size = DEADLY_MB << 20
    resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def _peak_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

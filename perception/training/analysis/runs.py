"""The runs of a comparison: what each is, doing those that are missing, reading those that are done."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from perception import tasks
from perception.errors import DataError
from perception.sinks.files import write_whole
from perception.training.analysis import job
from perception.training.config import Config, configure
from perception.training.data.sources import read_all

TASKS = tuple(tasks.TASKS)
PROCESSES = 2  # of one thread each
DATA = "data.json"  # in the folder of a run: where the data lie that it learns from
Pair = tuple[str, ...]  # sharing, balance, further settings
Results = Mapping[str, Mapping[int, Mapping[str, Any]]]  # variant -> seed -> result


@dataclass(frozen=True)
class Run:
    """`variant` names what is compared, over seeds."""

    variant: str
    seed: int
    settings: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        return f"{self.variant.replace('/', '-')}-s{self.seed}"


def single(task: str, seed: int) -> Run:
    """The baseline of one task: the same network with that head alone."""
    return Run(f"single/{task}", seed, (f"tasks={json.dumps([task])}", "balance=equal"))


def together(pair: Pair, seed: int) -> Run:
    """All tasks in one network. Only hard sharing has features at which all gradients meet."""
    sharing, balance, *settings = pair
    at = () if sharing == "hard" else ("balance_at=parameters",)
    return Run(f"{sharing}/{balance}", seed, (f"sharing={sharing}", f"balance={balance}", *at, *settings))


def perform(
    runs: Sequence[Run],
    data: Path | None,
    out: Path,
    preset: str,
    settings: Sequence[str] = (),
    done: Callable[[Run, int, int], None] = lambda run, k, n: None,
) -> None:
    """Do the runs that have no result yet, PROCESSES at a time. Raises DataError, at the end, if any failed.

    `done` hears of each run that ends, how many of those missing have ended, and how many were missing. A run
    that was cut off goes on. Pictures are read and scenes rendered once for all. If `out` has runs of other
    data or results of other settings, DataError comes before the first run.
    """
    waiting = [run for run in runs if not _is_done(run, data, out, preset, settings)]
    failed = []
    ended, total = 0, len(waiting)
    if waiting:
        warm(data, out, configure(preset, settings))
    working: dict[int, tuple[Run, BaseProcess]] = {}
    while waiting or working:
        while waiting and len(working) < PROCESSES:
            run = waiting.pop(0)
            process = _start(run, data, out, preset, settings)
            working[process.sentinel] = run, process
        for sentinel in wait(list(working)):
            assert isinstance(sentinel, int)
            run, process = working.pop(sentinel)
            process.join()
            ended += 1
            done(run, ended, total)
            failed += [run.folder] if process.exitcode else []
    if failed:
        raise DataError(f"expected all runs to end well, failed: {', '.join(failed)}; see output.log there")


def all_settings(run: Run, settings: Sequence[str]) -> list[str]:
    return [*settings, f"seed={run.seed}", *run.settings]


def _is_done(run: Run, data: Path | None, out: Path, preset: str, settings: Sequence[str]) -> bool:
    known = out / run.folder / DATA
    if known.exists() and (before := json.loads(known.read_text())) != place(data):
        raise DataError(
            f"{known}: expected a run of {place(data)}, got one of {before}; choose another folder"
        )
    path = out / run.folder / "result.json"
    if not path.exists():
        return False
    made = json.loads(path.read_text())
    if (made["preset"], made["settings"]) != (preset, all_settings(run, settings)):
        raise DataError(
            f"{path}: expected a result of preset {preset} with {all_settings(run, settings)}, "
            f"got one of {made['preset']} with {made['settings']}; choose another folder"
        )
    return True


def place(data: Path | None) -> str | None:
    """Where the folder of data lies, as it is noted; None: there are other data sets alone."""
    return None if data is None else str(data.resolve())


def warm(data: Path | None, out: Path, config: Config) -> None:
    """Read all pictures into this process, so that those forked from it have them."""
    (out / "synthetic").mkdir(parents=True, exist_ok=True)
    read_all(data, out / "synthetic", config)


def _start(run: Run, data: Path | None, out: Path, preset: str, settings: Sequence[str]) -> BaseProcess:
    folder = out / run.folder
    folder.mkdir(parents=True, exist_ok=True)
    write_whole(folder / DATA, json.dumps(place(data)).encode())
    share(out / "synthetic", folder)
    wanted = all_settings(run, settings)
    process = get_context("fork").Process(target=job.perform, args=(data, folder, preset, wanted))
    process.start()
    return process


def share(rendered: Path, folder: Path) -> None:
    """The folder of a run has the scenes that all share, by a link to where they lie now."""
    link = folder / "synthetic"
    if not link.exists():
        link.unlink(missing_ok=True)  # it leads to where they were before they were moved
        link.symlink_to(rendered.resolve())


def results(runs: Iterable[Run], out: Path) -> Results:
    """Variant -> seed -> result, of the runs that are done."""
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for run in runs:
        path = out / run.folder / "result.json"
        if path.exists():
            found.setdefault(run.variant, {})[run.seed] = json.loads(path.read_text())
    return found

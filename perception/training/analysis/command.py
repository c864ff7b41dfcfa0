"""`perception mtl`: compare, groups, report."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from perception.outputs import locked
from perception.terminal import terminal
from perception.training.analysis import compare as comparing
from perception.training.analysis import groups as grouping
from perception.training.analysis.report import report as write
from perception.training.analysis.runs import Run


def compare(
    preset: str,
    data: Sequence[str],
    out: Path,
    settings: Sequence[str],
    speeds: Any,
    seeds: int | None = None,
) -> None:
    """`speeds`: see `compare.compare`; what exports networks lies above this package."""
    with locked(out), _watched("runs") as done:
        comparing.compare(preset, data, out, settings, done, speeds, seeds)
    report(out)


def groups(preset: str, data: Sequence[str], out: Path, settings: Sequence[str] = ()) -> None:
    with locked(out), _watched("subsets") as done:
        grouping.groups(preset, data, out, settings, done)
    report(out)


def report(folder: Path) -> None:
    for path in write(folder):
        terminal().print(str(path))


@contextmanager
def _watched(what: str) -> Iterator[Callable[[Run, int, int], None]]:
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()]
    with Progress(*columns, console=terminal(stderr=True)) as progress:
        bar = progress.add_task(what, total=None)
        yield lambda run, k, n: progress.update(bar, completed=k, total=n, description=run.variant)

"""`perception evaluate`: the metrics of a bundle on labelled drives, as tables, JSON and pages."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from perception.errors import DataError, SinkError
from perception.evaluation import run
from perception.evaluation.latency import latency
from perception.evaluation.measure import Report
from perception.evaluation.names import Name, by_task, columns, text
from perception.evaluation.records import count
from perception.evaluation.results import Result, summary
from perception.evaluation.run import Settings
from perception.labels.labelled import Labelled
from perception.sinks.files import write_whole
from perception.terminal import terminal

log = logging.getLogger(__name__)

DONE, PARTLY = 0, 1  # exit codes: all drives, or some failed


@dataclass(frozen=True)
class Way:
    """Who does it, and where to."""

    workers: int | None = 1  # processes; None: one a core
    ray: str | None = None  # address of a cluster that does it instead
    out: Path | None = None  # folder for all that was found


HERE = Way()


def evaluate(
    drives: Sequence[str], settings: Settings, way: Way = HERE, json_path: Path | None = None
) -> int:
    """Measure a bundle on labelled drives (`open_labelled`); print tables, and write JSON and a folder with
    pages if asked to.

    The exit code: 1 if drives failed, which are named, and others did not.
    Raises DataError, also if nothing could be judged; SourceError, BundleError, SinkError.
    """
    console = terminal()
    opened = run.open_drives(drives, settings)
    # Frames can be found again by the names of drives, but not which of them a limit chose.
    sources = drives if settings.limit is None else ()
    result = _see(opened, settings, way, sources)
    report = Report(result.metrics, dict(count(result.records)))
    _check(report.metrics, opened)
    show(report, console)
    show_times(result, console)
    if json_path is not None:
        write_whole(json_path, (json.dumps(summary(result), indent=1) + "\n").encode())
    _tell(result, opened, console)
    return PARTLY if result.failed else DONE


def _see(drives: Sequence[Labelled], settings: Settings, way: Way, sources: Sequence[str]) -> Result:
    """With a progress bar, and with pages if there is a folder for them."""
    with watched() as progress:
        result = run.evaluate_labelled(drives, settings, way.workers, way.ray, progress, way.out, sources)
    if way.out is not None:
        try:
            _pages(result, drives, settings, way.out)
        except SinkError:
            raise
        except Exception as error:  # whatever is wrong with a picture, the metrics are there
            log.warning("%s: no page was made: %s: %s", way.out, type(error).__name__, error)
    return result


def _pages(result: Result, drives: Sequence[Labelled], settings: Settings, out: Path) -> None:
    from perception.evaluation.report.pictures import view_of
    from perception.evaluation.report.write import write_evaluation

    good = [drive for drive in drives if drive.name not in result.failed]
    with closing(replace(settings.pipeline, threads=None).load()) as pipeline:
        write_evaluation(out, result, good, view_of(pipeline), pipeline.tasks)


def show(report: Report, console: Console) -> None:
    """One table a task: a row for each set or class, a column for each metric."""
    shown = [name for name in report.metrics if not Name.of(name).size]  # of sizes: too many for a terminal
    for task, members in by_task(shown).items():
        console.print(_table(task, members, report))


def show_times(result: Result, console: Console) -> None:
    """How long the stages took, drops, and frames that were late."""
    deadline = result.facts["deadline_ms"]
    times = latency(result.records, result.facts["dropped"], deadline)
    table = Table("stage", "p50 ms", "p95 ms", "p99 ms", title="time", title_justify="left")
    for name, row in times["ms"].items():
        table.add_row(name, *(f"{ms:.2f}" for ms in row.values()))
    console.print(table)
    late = "" if deadline is None else f", {times['missed']} later than {deadline:g} ms"
    seen = len(result.records)
    lost = sum(drive.get("lost", 0) for drive in result.facts["drives"])
    console.print(f"{seen} frames seen, {times['dropped']} dropped, {lost} lost{late}", highlight=False)


def _check(metrics: Mapping[str, float], drives: Sequence[Labelled]) -> None:
    """Raises DataError if nothing could be judged."""
    if not metrics:
        said = "; ".join(remark for drive in drives for remark in drive.remarks) or "no label of its tasks"
        names = ", ".join(drive.name for drive in drives)
        raise DataError(f"{names}: expected labels of what the bundle sees, got none that is judged: {said}")


def _tell(result: Result, drives: Sequence[Labelled], console: Console) -> None:
    """What was left out of the drives, and which failed."""
    for drive in drives:
        for remark in drive.remarks:
            console.print(f"{escape(drive.name)}: {escape(remark)}", soft_wrap=True, highlight=False)
    for name, reason in result.failed.items():
        text = f"[bold red]failed:[/] {escape(name)}: {escape(reason)}"
        console.print(text, soft_wrap=True, highlight=False)


def _table(task: str, members: Sequence[str], report: Report) -> Table:
    table = Table(title=f"{task}, %", title_justify="left")
    table.add_column("", overflow="fold")
    shown = [*columns(members), "pictures"]
    for column in shown:
        table.add_column(column, justify="right")
    rows: dict[str, dict[str, str]] = {}
    for name in members:
        own, place = Name.of(name), name.rpartition(".")[0]
        row = rows.setdefault(place if task == "signs" else own.row or task, {})
        row[own.what] = text(own.what, report.metrics[name])
        if place in report.pictures:
            row["pictures"] = str(report.pictures[place])
    for title, cells in rows.items():
        table.add_row(title, *(cells.get(column, "") for column in shown))
    return table


@contextmanager
def watched() -> Iterator[run.Progress]:
    """A progress bar on stderr."""
    parts = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*parts, console=terminal(stderr=True), transient=True) as bar:
        line = bar.add_task("loading", total=None)

        def show(frames: int, done: int, units: int) -> None:
            bar.update(line, completed=done, total=units, description=f"{frames} frames")

        yield show

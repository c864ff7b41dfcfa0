"""`perception evaluate`: the figures of a bundle on labelled drives, as tables, JSON and pages."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from perception import bundle as bundles
from perception.errors import DataError, SinkError
from perception.evaluation import run
from perception.evaluation.latency import latency
from perception.evaluation.measure import PARTS, Report, count, report
from perception.evaluation.names import Name, by_task, columns, text
from perception.evaluation.results import Result, summary
from perception.evaluation.run import Settings
from perception.labels.folder import read_folder
from perception.labels.labelled import Labelled
from perception.labels.own import open_dataset
from perception.labels.synthetic import Worlds, open_worlds
from perception.sinks.files import write_whole
from perception.tasks import lanes

log = logging.getLogger(__name__)

FORMAT = 1
DONE, PARTLY = 0, 1  # exit codes: all drives, or some failed


@dataclass(frozen=True)
class Way:
    """Who does it, and where to."""

    workers: int | None = 1  # processes; None: one a core
    ray: str | None = None  # address of a cluster that does it instead
    out: Path | None = None  # folder for all that was found


HERE = Way()


def evaluate_on(drives: Sequence[str], settings: Settings, way: Way, json_path: Path | None = None) -> int:
    """Measure a bundle on labelled drives; print tables, and write JSON and a folder with pages if asked to.

    The exit code: 1 if drives failed, which are named, and others did not. Raises PerceptionError if all did.
    """
    console = Console()
    opened = run.open_drives(drives, settings)
    result = _see(opened, settings, way, drives)
    _check(result.figures, opened)
    show(Report(result.figures, dict(count(result.records))), console)
    show_times(result, console)
    if json_path is not None:
        write_whole(json_path, (json.dumps(summary(result), indent=1) + "\n").encode())
    _tell(result, opened, console)
    return PARTLY if result.failed else DONE


def evaluate(
    folder: Path,
    split: str,
    bundle: Path | None = None,
    precision: str = "int8",
    json_path: Path | None = None,
    threads: int | None = None,
    parts: Sequence[str] = PARTS,
    limit: int | None = None,
    device: str = "cpu",
    way: Way = HERE,
    input_size: str = "auto",
    runtime: str | None = None,
) -> Report:
    """Measure a bundle on one split of a data folder; print tables, and write JSON if asked to.

    A `folder` named `synthetic:SEED[:FRAMES][?conditions=NAMES]` stands for rendered worlds, whatever the
    split.
    Raises DataError, BundleError, SinkError.
    """
    drives, reads = _opened(str(folder), split, tuple(parts), limit)
    each = threads if threads or (way.workers == 1 and way.ray is None) else 1
    detail = way.out is not None
    settings = Settings(
        bundle,
        precision,
        device,
        each,
        parts=tuple(parts),
        detail=detail,
        input_size=input_size,
        runtime=runtime,
    )
    sources = [] if limit is not None else [_name(folder, split)]
    start = perf_counter()
    result = _see(drives, settings, way, sources)
    if result.failed:
        raise DataError("; ".join(result.failed.values()))
    found = report(result.records, reads)
    _check(found.metrics, drives)
    show(found, Console())
    if json_path is not None:
        spec = bundles.read(bundle or bundles.SHIPPED)
        facts = {"data": str(folder), "split": split, "bundle": f"{spec.name} {spec.version}"}
        more = {
            "device": device,
            "runtime": settings.on,
            "precision": precision,
            "input_size": input_size,
            "limit": limit,
            "seconds": round(perf_counter() - start, 1),
        }
        write_whole(json_path, as_json(found, {**facts, **more}))
    return found


def _name(folder: Path, split: str) -> str:
    return str(folder) if Worlds.parse(str(folder)) else f"data:{folder}:{split}"


def _opened(
    folder: str, split: str, parts: Sequence[str], limit: int | None
) -> tuple[list[Labelled], frozenset[str]]:
    """The pictures that `parts` ask for, and the sets whose boxes of signs carry the sign's class."""
    worlds = Worlds.parse(folder)
    if worlds:
        fewer = worlds.thinned(limit)
        return open_worlds(str(fewer)), frozenset()
    dataset = read_folder(folder, split, lanes.CLASSES).thinned(limit)
    return open_dataset(dataset, split, parts), dataset.reads


def _see(drives: Sequence[Labelled], settings: Settings, way: Way, sources: Sequence[str]) -> Result:
    """With a progress bar, and with pages if there is a folder for them."""
    with _progress() as progress:
        result = run.evaluate_labelled(drives, settings, way.workers, way.ray, progress, way.out, sources)
    if way.out is not None:
        try:
            _pages(result, drives, settings, way.out)
        except SinkError:
            raise
        except Exception as error:  # whatever is wrong with a picture, the figures are there
            log.warning("%s: no page was made: %s: %s", way.out, type(error).__name__, error)
    return result


def _pages(result: Result, drives: Sequence[Labelled], settings: Settings, out: Path) -> None:
    from perception.evaluation.report.pictures import view_of
    from perception.evaluation.report.write import write_evaluation

    good = [drive for drive in drives if drive.name not in result.failed]
    with closing(replace(settings, threads=None).load()) as pipeline:
        write_evaluation(out, result, good, view_of(pipeline), pipeline.tasks)


def as_json(report: Report, facts: Mapping[str, Any]) -> bytes:
    """What was measured, on what: metrics are fractions from 0 to 1, `median_m` metres, by name."""
    figures = {"unit": "fraction", "pictures": report.pictures, "metrics": report.metrics}
    return (json.dumps({"format": FORMAT, **facts, **figures}, indent=1) + "\n").encode()


def show(report: Report, console: Console) -> None:
    """One table a task: a row for each set or class, a column for each figure."""
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
def _progress() -> Iterator[run.Progress]:
    parts = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*parts, console=Console(stderr=True), transient=True) as bar:
        line = bar.add_task("loading", total=None)

        def show(frames: int, done: int, units: int) -> None:
            bar.update(line, completed=done, total=units, description=f"{frames} frames")

        yield show

"""`perception evaluate`: the figures of a bundle on labelled pictures, as tables and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from perception import bundle as bundles
from perception.evaluation import data
from perception.evaluation.measure import PARTS, Report, measure_dataset
from perception.evaluation.synthetic import NAME as SYNTHETIC
from perception.evaluation.synthetic import Worlds, measure_worlds
from perception.load import load
from perception.sinks.files import write_whole
from perception.tasks import lanes

FORMAT = 1
COLUMNS = ("iou", "ap50", "coco_ap", "precision", "recall", "f1")  # these first, others behind
METRES = "median_m"  # the one figure that is no share


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
) -> Report:
    """Measure a bundle on one split of a data folder; print tables, and write JSON if asked to.

    A `folder` named `synthetic:SEED[:FRAMES]` stands for rendered worlds, whatever the split.
    Raises DataError, BundleError, SinkError.
    """
    labelled = (Worlds.parse(str(folder)) or data.read(folder, split, lanes.CLASSES)).thinned(limit)
    pipeline = load(bundle, device, precision=precision, threads=threads)
    start = perf_counter()
    with closing(pipeline):
        if isinstance(labelled, Worlds):
            report = measure_worlds(pipeline, labelled, parts, _progress)
        else:
            report = measure_dataset(pipeline, labelled, parts, _progress)
    show(report, Console())
    if json_path is not None:
        spec = bundles.read(bundle or bundles.SHIPPED)
        facts = {"data": str(folder), "split": split, "bundle": f"{spec.name} {spec.version}"}
        more = {
            "device": device,
            "precision": precision,
            "limit": limit,
            "seconds": round(perf_counter() - start, 1),
        }
        write_whole(json_path, as_json(report, {**facts, **more}))
    return report


def as_json(report: Report, facts: Mapping[str, Any]) -> bytes:
    """What was measured, on what: metrics are fractions from 0 to 1, `median_m` metres, by name."""
    figures = {"unit": "fraction", "pictures": report.pictures, "metrics": report.metrics}
    return (json.dumps({"format": FORMAT, **facts, **figures}, indent=1) + "\n").encode()


def show(report: Report, console: Console) -> None:
    """One table a task: a row for each set or class, a column for each figure."""
    tasks: dict[str, dict[str, dict[str, float]]] = {}
    for name, value in report.metrics.items():
        row, _, column = name.rpartition(".")
        task, title = _place_of(row)
        figures = tasks.setdefault(task, {}).setdefault(title, {})
        figures[column] = value
        if row in report.pictures:
            figures["pictures"] = report.pictures[row]
    for task in sorted(tasks, key=lambda name: (PARTS.index(name) if name in PARTS else len(PARTS), name)):
        console.print(_table(task, tasks[task]))


def _place_of(row: str) -> tuple[str, str]:
    """Table and title of a row: `lanes.drawn` is in lanes, `gtsdb.sign` and `synthetic.sign` in signs."""
    task, _, rest = row.partition(".")
    if task == SYNTHETIC:
        task, _, part = rest.partition(".")
        return {"sign": "signs"}.get(task, task), ".".join(filter(None, (SYNTHETIC, part)))
    return ("signs", row) if rest == "sign" else (task, rest or row)


def _table(task: str, rows: Mapping[str, Mapping[str, float]]) -> Table:
    columns = sorted({c for row in rows.values() for c in row}, key=lambda c: (_order(c), c))
    table = Table(title=f"{task}, %", title_justify="left")
    table.add_column("", overflow="fold")
    for column in columns:
        table.add_column(column, justify="right")
    for name, row in rows.items():
        table.add_row(name, *(_cell(row, column) for column in columns))
    return table


def _cell(row: Mapping[str, float], column: str) -> str:
    if column not in row:
        return ""
    if column == "pictures":
        return str(row[column])
    return f"{row[column]:.2f} m" if column == METRES else f"{100 * row[column]:.1f}"


def _order(column: str) -> int:
    return COLUMNS.index(column) if column in COLUMNS else len(COLUMNS) + (column == "pictures")


def _progress(items: Sequence[Any], what: str) -> Iterable[Any]:
    return track(items, what, console=Console(stderr=True), transient=True)

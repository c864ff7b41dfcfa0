"""`perception evaluate`: the figures of a bundle on labelled pictures, as tables and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from perception import bundle as bundles
from perception.evaluation import data
from perception.evaluation.measure import PARTS, Report, measure_dataset
from perception.load import load
from perception.sinks.files import write_whole
from perception.tasks import lanes

FORMAT = 1
COLUMNS = ("iou", "ap50", "coco_ap", "precision", "recall", "f1")  # these first, others behind


def evaluate(
    folder: Path,
    split: str,
    bundle: Path | None = None,
    precision: str = "int8",
    json_path: Path | None = None,
    threads: int | None = None,
    parts: Sequence[str] = PARTS,
    limit: int | None = None,
) -> Report:
    """Measure a bundle on one split of a data folder; print tables, and write JSON if asked to.

    Raises DataError, BundleError, SinkError.
    """
    dataset = data.read(folder, split, lanes.CLASSES).thinned(limit)
    pipeline = load(bundle, precision=precision, threads=threads)
    start = perf_counter()
    try:
        report = measure_dataset(pipeline, dataset, parts, _progress)
    finally:
        pipeline.close()
    show(report, Console())
    if json_path is not None:
        spec = bundles.read(bundle or bundles.SHIPPED)
        facts = {"data": str(folder), "split": split, "bundle": f"{spec.name} {spec.version}"}
        more = {"precision": precision, "limit": limit, "seconds": round(perf_counter() - start, 1)}
        write_whole(json_path, as_json(report, {**facts, **more}))
    return report


def as_json(report: Report, facts: Mapping[str, Any]) -> bytes:
    """What was measured, on what: metrics are fractions from 0 to 1, by name."""
    figures = {"unit": "fraction", "pictures": report.pictures, "metrics": report.metrics}
    return (json.dumps({"format": FORMAT, **facts, **figures}, indent=1) + "\n").encode()


def show(report: Report, console: Console) -> None:
    """One table a task: a row for each set or class, a column for each figure."""
    tasks: dict[str, dict[str, dict[str, float]]] = {}
    for name, value in report.metrics.items():
        row, _, column = name.rpartition(".")
        task, _, rest = row.partition(".")
        if rest == "sign":
            task, rest = "signs", row
        tasks.setdefault(task, {}).setdefault(rest or row, {})[column] = value
    for task in sorted(tasks, key=lambda name: (PARTS.index(name) if name in PARTS else len(PARTS), name)):
        console.print(_table(task, tasks[task], report.pictures))


def _table(task: str, rows: Mapping[str, Mapping[str, float]], pictures: Mapping[str, int]) -> Table:
    columns = sorted({c for row in rows.values() for c in row}, key=lambda c: (_place(c), c))
    table = Table(title=f"{task}, %", title_justify="left")
    table.add_column("")
    for column in (*columns, "pictures"):
        table.add_column(column, justify="right")
    for name, row in rows.items():
        figures = [f"{100 * row[c]:.1f}" if c in row else "" for c in columns]
        count = pictures.get(f"{task}.{name}", pictures.get(name))
        table.add_row(name, *figures, "" if count is None else str(count))
    return table


def _place(column: str) -> int:
    return COLUMNS.index(column) if column in COLUMNS else len(COLUMNS)


def _progress(items: Sequence[Any], what: str) -> Iterable[Any]:
    return track(items, what, console=Console(stderr=True), transient=True)

"""`perception evaluate --corrupt`: metrics of clean and corrupted pictures as tables, JSON and a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from perception.corruptions import SEVERITIES, chosen
from perception.errors import DataError, PerceptionError
from perception.evaluation import run
from perception.evaluation.command import HERE, Way, watched
from perception.evaluation.corrupt import page
from perception.evaluation.corrupt.drives import Condition, conditions, named, parsed, stills, under
from perception.evaluation.corrupt.robustness import main_of, noticed, robustness, summary
from perception.evaluation.corrupt.selective import selective
from perception.evaluation.names import HEADLINES
from perception.evaluation.records import FrameRecord, count
from perception.evaluation.report.pictures import view_of
from perception.evaluation.results import Result
from perception.evaluation.run import Settings
from perception.labels.labelled import Stills
from perception.labels.truth import PARTS
from perception.sinks.files import write_whole
from perception.terminal import terminal

JSON, PAGE = "robustness.json", "robustness.html"
LEFT_OUT = ("drives", "failed", "account", "dropped", "pace", "deadline_ms")  # facts of every condition

Records = dict[Condition, list[FrameRecord]]


@dataclass(frozen=True)
class Asked:
    """Which corruptions."""

    kinds: tuple[str, ...]
    severities: tuple[int, ...] = SEVERITIES

    @classmethod
    def parse(cls, kinds: str, severities: str | None) -> Asked:
        """As they stand on the command line. Raises PerceptionError."""
        return cls(chosen(kinds), SEVERITIES if severities is None else parsed(severities))


def corrupt(
    drives: Sequence[str], settings: Settings, asked: Asked, way: Way = HERE, json_path: Path | None = None
) -> int:
    """Measure a bundle on labelled pictures, clean and under each condition; print tables, and write JSON and
    a page if asked to. The exit code.

    Raises DataError, also for recorded drives and if nothing could be judged; PerceptionError for a pace;
    SourceError, BundleError, SinkError.
    """
    settings = _judging_tasks(settings)
    opened = stills(run.open_drives(drives, settings))
    wanted = conditions(asked.kinds, asked.severities)
    clean, worse, facts = _see(opened, settings, wanted, way)
    tasks = robustness(clean, worse)
    if not tasks:
        raise DataError(
            f"{', '.join(drives)}: expected labels of a task of the bundle, got none that is judged"
        )
    found = {
        "facts": {**facts, "sources": list(drives), "severities": list(asked.severities)},
        "pictures": dict(count(clean)),
        **summary(tasks, asked.kinds, asked.severities),
        **_sure(clean, worse),
        "noticed": {"clean": noticed(clean), **_by_severity(worse, noticed)},
        "metrics": {"clean": main_of(clean), **_by_severity(worse, main_of)},
    }
    show(found, terminal())
    text = (json.dumps(found, indent=1) + "\n").encode()
    for path in (json_path, way.out and way.out / JSON):
        if path:
            write_whole(path, text)
    if way.out:
        _page(way.out / PAGE, found, opened, clean, settings)
    return 0


def _sure(clean: Sequence[FrameRecord], worse: Records) -> dict[str, Any]:
    """What confidence is worth, where it was told."""
    told = selective(clean, worse)
    return {"confidence": told} if told else {}


def _judging_tasks(settings: Settings) -> Settings:
    """What is judged by a headline alone. Raises PerceptionError."""
    if settings.pace is not None:
        raise PerceptionError("--corrupt: expected --pace every, as pictures have no clock. Leave --pace out")
    parts = tuple(part for part in PARTS if part in HEADLINES)
    return replace(settings, parts=parts, detail=False, deadline_ms=None)


def _see(
    drives: Sequence[Stills], settings: Settings, wanted: Sequence[Condition], way: Way
) -> tuple[list[FrameRecord], Records, dict[str, Any]]:
    """What clean pictures said, what they said under each condition, and the facts of the run."""
    every = [under(condition, drive) for condition in (None, *wanted) for drive in drives]
    with watched() as progress:
        result = run.evaluate_labelled(every, settings, way.workers, way.ray, progress)
    _refuse_failures(result)
    by_name: dict[str, list[FrameRecord]] = {}
    for record in result.records:
        by_name.setdefault(record.drive, []).append(record)

    def said(condition: Condition | None) -> list[FrameRecord]:
        own = ((drive.name, by_name.get(named(condition, drive.name), ())) for drive in drives)
        return [replace(record, drive=name) for name, records in own for record in records]

    facts = {name: fact for name, fact in result.facts.items() if name not in LEFT_OUT}
    return said(None), {condition: said(condition) for condition in wanted}, facts


def _refuse_failures(result: Result) -> None:
    """Raises DataError: a mean over some of the conditions would be another metric."""
    for name, reason in result.failed.items():
        raise DataError(f"{name}: expected every picture to be seen under every corruption, got: {reason}")


def _by_severity(worse: Records, said: Callable[[Sequence[FrameRecord]], Any]) -> dict[str, dict[str, Any]]:
    """Corruption -> severity -> what its records say."""
    found: dict[str, dict[str, Any]] = {}
    for condition, records in worse.items():
        found.setdefault(condition.kind, {})[str(condition.severity)] = said(records)
    return found


def show(found: Mapping[str, Any], console: Console) -> None:
    """mPC and rPC of each task, then what each corruption leaves of it."""
    table = Table(title="under corruption, %", title_justify="left")
    for column in ("", "metric", "clean", "mPC", "rPC", "95 % interval of rPC"):
        table.add_column(column, justify="left" if column in ("", "metric") else "right")
    for row in page.rows_of_tasks(found):
        table.add_row(*row)
    console.print(table)
    table = Table(title="left of the clean performance, %", title_justify="left")
    tasks = list(found["tasks"])
    for column in ("", *tasks, "breaks first", "noticed"):
        table.add_column(column, justify="left" if column in ("", "breaks first") else "right")
    for row in page.rows_of_corruptions(found):
        table.add_row(*row)
    console.print(table)
    if "confidence" in found:
        console.print(_of_confidence(found))


def _of_confidence(found: Mapping[str, Any]) -> Table:
    table = Table(title="area under the risk-coverage curve, %", title_justify="left")
    for column in page.CONFIDENCE:
        table.add_column(column, justify="right" if column else "left")
    for row in page.rows_of_confidence(found):
        table.add_row(*row)
    return table


def _page(
    path: Path,
    found: Mapping[str, Any],
    drives: Sequence[Stills],
    clean: Sequence[FrameRecord],
    settings: Settings,
) -> None:
    with closing(replace(settings.pipeline, threads=None).load()) as pipeline:
        strip = page.strip(found, drives, clean, view_of(pipeline))
    write_whole(path, page.page(found, strip).encode())

"""The gate by metrics: labelled drives against an evaluation of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from perception.errors import DataError
from perception.evaluation.compare import key_of
from perception.evaluation.gate.metrics import judge
from perception.evaluation.report.junit import Case
from perception.evaluation.results import RESULT, Result, read_result, staged
from perception.evaluation.run import evaluate_labelled, open_drives
from perception.evaluation.seeing import Settings


def by_metrics(
    drives: Sequence[str],
    reference: Path,
    settings: Settings,
    workers: int,
    tolerance: float,
    update: bool,
    console: Console,
) -> list[Case]:
    """A case for each metric; with `update` the new evaluation takes the place of the reference, whole or not
    at all. As many pictures of each set are looked at as for the reference.

    Raises DataError if the evaluation is not of the same frames, or a drive fails.
    """
    was = read_result(reference) if not update or (reference / RESULT).exists() else None
    if was is not None:
        settings = replace(settings, limit=was.facts.get("limit"))
    labelled = open_drives(drives, settings)
    with staged(reference, [one.name for one in labelled]) if update else nullcontext() as folder:
        now = evaluate_labelled(labelled, settings, workers, out=folder, sources=drives)
        if now.failed:  # nothing has been moved to the reference yet
            raise DataError("; ".join(f"{drive}: {reason}" for drive, reason in now.failed.items()))
    if was is None:
        return []
    if not update:
        _same_frames(was, now)
    cases = list(judge(was.metrics, now.metrics, tolerance))
    for case in cases:
        if case.failure is not None:
            console.print(f"[bold red]worse[/] {escape(case.name)} {escape(case.failure)}", highlight=False)
    return cases


def _same_frames(was: Result, now: Result) -> None:
    old, new = ({key_of(record) for record in side.records} for side in (was, now))
    if old != new:
        drives = sorted({drive for drive, *_ in old ^ new})
        raise DataError(
            f"expected the frames of the reference, got {len(new - old)} others and {len(old - new)} are "
            f"missing, of {', '.join(drives)}. Name the same drives, or --update-reference"
        )

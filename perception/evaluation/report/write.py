"""From evaluations to pages: the frames worth a look are chosen, read again, and painted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from perception.evaluation.compare import Comparison, Pairs, key_of
from perception.evaluation.records import FrameRecord
from perception.evaluation.report.comparison import Changed, comparison_page
from perception.evaluation.report.evaluation import evaluation_page
from perception.evaluation.report.junit import Case, write_junit
from perception.evaluation.report.pictures import Key, View, shots
from perception.evaluation.results import PAGES, Result
from perception.evaluation.scores import frame_scores, worst
from perception.interfaces import Task
from perception.labels.labelled import Labelled
from perception.sinks.files import write_whole

EACH = 3  # frames of each task
LEAST = 0.005  # by which the loss of a frame must change to be worth a look
REPORT, JUNIT = PAGES


def write_evaluation(
    folder: Path, result: Result, drives: Iterable[Labelled], view: View, tasks: Sequence[Task]
) -> None:
    """`folder/report.html` and junit.xml. `view`: what is seen in a frame; `tasks` paint the truth.

    Raises DataError, SourceError if a drive cannot be read again; SinkError.
    """
    records = result.records
    losses = [{task: score.loss for task, score in frame_scores(record).items()} for record in records]
    chosen = worst(records, losses, EACH)
    images = shots(_keys(records, chosen.values()), drives, {"as seen": view}, tasks)
    write_whole(folder / REPORT, evaluation_page(result, chosen, images).encode())
    failed = [Case(drive, "evaluate", error=reason) for drive, reason in result.failed.items()]
    good = [Case(drive, "evaluate") for drive in dict.fromkeys(record.drive for record in records)]
    write_junit([*good, *failed], folder / JUNIT, "perception evaluate")


def write_comparison(
    folder: Path,
    found: Comparison,
    pairs: Pairs,
    drives: Iterable[Labelled],
    views: Mapping[str, View],
    tasks: Sequence[Task],
) -> None:
    """`folder/report.html`; `views`: what each of the two sees. Raises as `write_evaluation`."""
    changed = changes(pairs)
    keys = _keys(pairs[0], [*changed.better.values(), *changed.worse.values()])
    images = shots(keys, drives, views, tasks)
    write_whole(folder / REPORT, comparison_page(found, pairs, changed, images).encode())


def changes(pairs: Pairs, each: int = EACH) -> Changed:
    """The frames whose loss grew and shrank most, task by task."""
    grown = []
    for before, after in zip(*pairs, strict=True):
        old, new = frame_scores(before), frame_scores(after)
        own = {task: new[task].loss - old[task].loss for task in old if task in new}
        grown.append({task: loss for task, loss in own.items() if abs(loss) > LEAST})
    shrunk = [{task: -loss for task, loss in own.items()} for own in grown]
    return Changed(better=worst(pairs[0], shrunk, each), worse=worst(pairs[0], grown, each))


def _keys(records: Sequence[FrameRecord], places: Iterable[Sequence[int]]) -> dict[Key, str]:
    """With the names of their pictures."""
    found = (key_of(records[i]) for own in places for i in own)
    return {(drive, seq): name for drive, seq, name in found}

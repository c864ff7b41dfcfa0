"""`perception compare`: two bundles, or two evaluations, on the same drives."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from perception import bundle as bundles
from perception.errors import DataError, PerceptionError, SinkError
from perception.evaluation import names
from perception.evaluation.compare import Comparison, Difference, Pairs, compare
from perception.evaluation.names import Name
from perception.evaluation.report.comparison import SIGNS, interval
from perception.evaluation.report.pictures import View, view_of, view_of_stored
from perception.evaluation.report.write import changes, write_comparison
from perception.evaluation.results import RESULT, SCENES, Result, read_result
from perception.evaluation.run import Progress, evaluate_drives, open_drives, unwatched
from perception.evaluation.seeing import Settings
from perception.load import load
from perception.sinks.files import write_whole
from perception.terminal import terminal

FORMAT = 1
MANIFEST = "model.json"  # of a bundle

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Side:
    """One of the two."""

    result: Result
    folder: Path  # of the result
    settings: Settings  # with what its frames can be seen again

    @property
    def label(self) -> str:
        return f"{self.result.facts['bundle']} {self.result.facts['precision']}"


def compare_both(
    before: Path,
    after: Path,
    out: Path,
    drives: Sequence[str] = (),
    settings: Settings | None = None,
    workers: int | None = 1,
    progress: Progress = unwatched,
) -> Comparison:
    """`out/report.html` and `out/compare.json`; a table on the screen.

    before, after: folders of evaluations, or bundles, which are evaluated on `drives` with `settings` first,
    to `out/before` and `out/after`; without `drives`, on those of the other one.
    Raises DataError if they have no frame in common; SinkError if `out` is one of them; as `evaluate_drives`.
    """
    places = {"before": before, "after": after}
    written = [out, *(out / name for name, place in places.items() if not (place / RESULT).exists())]
    for folder in written:
        if folder.resolve() in (place.resolve() for place in places.values()):
            raise SinkError(
                f"{folder}: expected a folder of its own for the comparison, got one of the two to compare; "
                "it would be lost. Choose another --out"
            )
    texts = list(drives) or _sources(places.values())
    sides = [
        _side(place, out / name, texts, settings or Settings(), workers, progress)
        for name, place in places.items()
    ]
    labels = _labels(sides, list(places))
    old, new = ((label, side.result.records) for label, side in zip(labels, sides, strict=True))
    found, pairs = compare(old, new)
    write_whole(out / "compare.json", (json.dumps(as_json(found, pairs), indent=1) + "\n").encode())
    show(found, terminal())
    try:
        _write_page(out, found, pairs, texts, dict(zip(labels, sides, strict=True)))
    except SinkError:
        raise
    except Exception as error:  # whatever is wrong with a picture, the comparison is there
        log.warning("%s: no page was made: %s: %s", out, type(error).__name__, error)
    return found


def as_json(found: Comparison, pairs: Pairs) -> dict[str, Any]:
    """Plain values; a bound that nothing is known of is null."""
    changed = changes(pairs)
    frames = {
        title: {
            task: [{"drive": pairs[0][i].drive, "seq": pairs[0][i].seq} for i in places]
            for task, places in own.items()
        }
        for title, own in (("better", changed.better), ("worse", changed.worse))
    }
    return {
        "format": FORMAT,
        "before": found.before,
        "after": found.after,
        "basis": asdict(found.basis),
        "metrics": {own.name: _row(own) for own in found.differences},
        "tasks": _rows(found.tasks),
        "drives": {name: _rows(own) for name, own in found.drives.items()},
        "tags": {name: _rows(own) for name, own in found.tags.items()},
        "frames": frames,
    }


def show(found: Comparison, console: Console) -> None:
    """The tasks, and every metric that is better or worse for sure."""
    basis = found.basis
    title = f"{found.after} against {found.before}, {basis.frames} frames, {basis.units} {basis.unit}"
    table = Table(title=title, title_justify="left")
    table.add_column("", overflow="fold")
    for head in ("before", "after", "difference", "95 % interval", ""):
        table.add_column(head, justify="right")
    sure = [own for own in found.differences if own.mark != "undecided"]
    for label, own in [*found.tasks.items(), *((own.name, own) for own in sure)]:
        what = Name.of(own.name).what
        values = (names.text(what, own.before), names.text(what, own.after))
        change = names.text(what, own.value, signed=True)
        table.add_row(label, *values, change, interval(own), SIGNS[own.mark])
    console.print(table)


def _sources(places: Any) -> list[str]:
    """How to open the drives of the first of them that is an evaluation."""
    for place in places:
        if (place / RESULT).exists():
            return list(read_result(place).facts["sources"])
    return []


def _side(
    place: Path, out: Path, drives: Sequence[str], settings: Settings, workers: int | None, progress: Progress
) -> Side:
    """Raises DataError if `place` is neither an evaluation nor a bundle."""
    if (place / RESULT).exists():
        return Side(read_result(place), place, settings)
    if not (place / MANIFEST).exists():
        raise DataError(
            f"{place}: expected a bundle, or a folder of `perception evaluate --out`, got neither"
        )
    if not drives:
        raise DataError(f"{place}: expected drives to evaluate the bundle on, got none. Name them: --drive")
    own = replace(settings, pipeline=replace(settings.pipeline, bundle=place))
    result = evaluate_drives(drives, own, workers, progress=progress, out=out)
    for drive, reason in result.failed.items():
        log.warning("%s: not compared, as it failed with %s: %s", drive, place, reason)
    return Side(result, out, own)


def _labels(sides: Sequence[Side], names: Sequence[str]) -> list[str]:
    labels = [side.label for side in sides]
    if labels[0] != labels[1]:
        return labels
    return [f"{label} ({name})" for label, name in zip(labels, names, strict=True)]


def _write_page(
    out: Path, found: Comparison, pairs: Pairs, texts: Sequence[str], sides: Mapping[str, Side]
) -> None:
    """Without pictures if the drives are not here; the truth in the classes of the first bundle."""
    side = next(iter(sides.values()))
    try:
        drives = open_drives(texts, side.settings)
    except PerceptionError as error:
        log.warning("no pictures in the report: %s", error)
        drives = []
    with ExitStack() as stack:
        shown = load(side.settings.pipeline.bundle, "cpu")
        stack.callback(shown.close)
        views = {label: _view(side, shown.tasks, stack) for label, side in sides.items()}
        write_comparison(out, found, pairs, drives, views, shown.tasks)


def _view(side: Side, tasks: Sequence[Any], stack: ExitStack) -> View:
    """By the bundle that was evaluated if it is here, else by the scenes that were stored."""
    facts = side.result.facts
    if bundles.read(side.settings.pipeline.folder).sha256 != facts["sha256"]:
        return view_of_stored(side.folder / SCENES, tasks)
    try:
        kept = ("device", "precision", "input_size", "runtime")
        how = {"input_size": "auto", **{name: facts[name] for name in kept if name in facts}}
        pipeline = replace(side.settings.pipeline, **how).load()
    except PerceptionError:
        return view_of_stored(side.folder / SCENES, tasks)
    stack.callback(pipeline.close)
    return view_of(pipeline)


def _rows(found: Mapping[str, Difference]) -> dict[str, Any]:
    return {name: {"metric": own.name, **_row(own)} for name, own in found.items()}


def _row(own: Difference) -> dict[str, Any]:
    known = own.low == own.low
    bounds = [own.low, own.high] if known else [None, None]
    return {
        "before": own.before,
        "after": own.after,
        "difference": own.value,
        "interval": bounds,
        "mark": own.mark,
    }

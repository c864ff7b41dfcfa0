"""`perception add-task`, `remove-task` and `same`: what they print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from time import perf_counter

import numpy as np
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from deploy.adapt.command import gated, say, show, tell_unjudged
from deploy.adapt.gate import SLACK, shown
from deploy.added import add as adding
from deploy.added.remove import remove
from deploy.added.same import compared, prove
from deploy.added.unfreeze import unfreeze
from perception import bundle as bundles
from perception.sources import open_source
from perception.terminal import terminal
from perception.training.added.judge import metrics, shares
from perception.training.added.split import counts

console, errors = terminal(), terminal(stderr=True)
POINTS = f"{100 * SLACK:.1f}"  # by which an old task may fall
SCORES = {"image": "recall", "object": "recall", "map": "iou"}  # the one number of a kind


def add_task(wanted: adding.Wanted, bundle: Path | None, out: Path) -> None:
    """Add the task, judge it, and check that all old outputs are the same. Raises PerceptionError."""
    begin = perf_counter()
    with Progress(console=errors, transient=True) as bar:
        row = bar.add_task("features", total=None)
        added = adding.add(
            wanted, bundle, out, lambda done, total: bar.update(row, completed=done, total=total)
        )
    _tell(wanted.name, added, "all old outputs are the same to the bit", perf_counter() - begin, out)


def unfreeze_task(wanted: adding.Wanted, bundle: Path | None, out: Path, old: Sequence[str]) -> int:
    """Add the task to a network that moves for it, and show what that costs the old tasks; 1: too much."""

    def make() -> None:
        begin = perf_counter()
        with Progress(console=errors, transient=True) as bar:
            row = bar.add_task("reads", total=1.0)
            made = unfreeze(
                wanted,
                bundle,
                out,
                old,
                lambda what, share: bar.update(row, description=what, completed=share),
            )
        show(made.tried, old)
        tell_unjudged((task for task in made.added.spec.tasks if task != wanted.name), made.tried[-1])
        kept = (
            f"written with {shown(made.tried[-1].shares)}, which keeps the old tasks within {POINTS} points"
        )
        _tell(wanted.name, made.added, kept, perf_counter() - begin, out)

    return gated(make, old)


def _tell(name: str, added: adding.Added, kept: str, seconds: float, out: Path) -> None:
    if added.told.missing:
        console.print(f"{added.told.missing} labelled pictures are not there: left out")
    _show(name, added)
    score = SCORES[added.told.kind]
    told = ", ".join(
        f"{100 * metrics(matrix)[score]:.1f} ({precision})" for precision, matrix in added.confusion.items()
    )
    say(
        f"{name}: mean {score} {told} on {len(added.judged)} pictures; learnt from "
        f"{len(added.learnt)}; {seconds:.0f} s; {kept}; in {out}"
    )


def remove_task(name: str, bundle: Path, out: Path) -> None:
    spec = remove(name, bundle, out)
    say(f"{spec.name} without {name}: {', '.join(spec.tasks)}; in {out}")


def same(before: Path | None, after: Path, sources: Sequence[str], frames: int) -> None:
    """Compare all outputs of `before` over frames of sources. Raises BundleError if one differs."""
    found = compared(bundles.folder(before), bundles.folder(after), _images(sources, frames))
    table = Table("precision", "runtime", "threads", "frames", "the same")
    for way in found:
        table.add_row(way.precision, way.runtime, str(way.threads), str(way.frames), str(way.same))
    console.print(table)
    prove(found)


def _images(sources: Sequence[str], frames: int) -> Iterator[np.ndarray]:
    """So many of all, as many of each as there are; no more of one than its share."""
    for left, text in zip(range(len(sources), 0, -1), sources, strict=True):
        with closing(open_source(text)) as source:
            share = -(-frames // left)
            for frame in islice(source, share):
                frames -= 1
                yield frame.image


def _show(name: str, added: adding.Added) -> None:
    kind = added.told.kind
    what = {"image": "images", "object": "boxes", "map": "pixels"}[kind]
    table = Table("class", "learnt from", f"{what} judged", "recall", "precision", title=f"{name} ({kind})")
    number, matrix = counts(added.learnt), next(iter(added.confusion.values()))
    of = shares(matrix)
    for k, label in enumerate(added.told.classes):
        own = ("" if np.isnan(share[k]) else f"{100 * share[k]:.1f}" for share in (of.recall, of.precision))
        table.add_row(escape(label), str(number[label]), str(matrix[k].sum()), *own)
    console.print(table)

"""`perception add-task`, `remove-task` and `same`: what they print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from time import perf_counter

import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from deploy.added import add as adding
from deploy.added.remove import remove
from deploy.added.same import Way, compared
from perception import bundle as bundles
from perception.errors import BundleError
from perception.labels.added import Example
from perception.labels.rows import read_image
from perception.sources import open_source
from perception.training.added.judge import confusion, metrics
from perception.training.added.split import counts

console, errors = Console(), Console(stderr=True)
PROVED = 8  # frames by which every added task is checked
SCORES = {"image": "recall", "object": "recall", "map": "iou"}  # the one number of a kind


def add_task(wanted: adding.Wanted, bundle: Path | None, out: Path) -> None:
    """Add the task, judge it, and check that all old outputs are the same. Raises PerceptionError."""
    begin = perf_counter()
    with Progress(console=errors, transient=True) as bar:
        row = bar.add_task("features", total=None)
        added = adding.add(
            wanted, bundle, out, lambda done, total, what: bar.update(row, completed=done, total=total)
        )
    seconds = perf_counter() - begin
    task = added.spec.tasks[wanted.name]
    measured = {
        precision: confusion(out, wanted.name, added.judged, precision)
        for precision in added.spec.files
        if precision in ("int8", "fp32")
    }
    found = {precision: metrics(matrix) for precision, matrix in measured.items()}
    images = [read_image(example.image) for example in added.judged[:PROVED]]
    _check(compared(bundle or bundles.SHIPPED, out, images))
    adding.tell(
        out,
        wanted.name,
        {
            "kind": task.kind,
            "images": len(added.learnt),
            "judged": len(added.judged),
            "metrics": found,
            "confusion": {precision: matrix.tolist() for precision, matrix in measured.items()},
        },
    )
    if added.told.missing:
        console.print(f"{added.told.missing} labelled pictures are not there: left out")
    _show(wanted.name, task.kind, task.classes, added.learnt, next(iter(measured.values())))
    score = SCORES[task.kind]
    told = ", ".join(f"{100 * own[score]:.1f} ({precision})" for precision, own in found.items())
    console.print(
        f"{wanted.name}: mean {score} {told} on {len(added.judged)} pictures; learnt from "
        f"{len(added.learnt)} in {seconds:.0f} s; all old outputs are the same to the bit; in {out}",
        highlight=False,
    )


def remove_task(name: str, bundle: Path, out: Path) -> None:
    spec = remove(name, bundle, out)
    console.print(f"{spec.name} without {name}: {', '.join(spec.tasks)}; in {out}", highlight=False)


def same(before: Path | None, after: Path, sources: Sequence[str], frames: int) -> None:
    """Compare all outputs of `before` over frames of sources. Raises BundleError if one differs."""
    found = compared(before or bundles.SHIPPED, after, _images(sources, frames))
    table = Table("precision", "runtime", "threads", "frames", "the same")
    for way in found:
        table.add_row(way.precision, way.runtime, str(way.threads), str(way.frames), str(way.same))
    console.print(table)
    _check(found)


def _check(found: Sequence[Way]) -> None:
    other = [way for way in found if way.same != way.frames]
    if other or not any(way.frames for way in found):
        raise BundleError(
            f"expected the same outputs to the bit, got {other[0] if other else 'no frame to compare'}; "
            "the bundles are of different networks"
        )


def _images(sources: Sequence[str], frames: int) -> Iterator[np.ndarray]:
    """So many of all, as many of each as there are; no more of one than its share."""
    for left, text in zip(range(len(sources), 0, -1), sources, strict=True):
        with closing(open_source(text)) as source:
            share = -(-frames // left)
            for frame in islice(source, share):
                frames -= 1
                yield frame.image


def _show(
    name: str, kind: str, classes: Sequence[str], learnt: Sequence[Example], matrix: np.ndarray
) -> None:
    what = {"image": "images", "object": "boxes", "map": "pixels"}[kind]
    table = Table("class", "learnt from", f"{what} judged", "recall", "precision", title=f"{name} ({kind})")
    number, right = counts(learnt), np.diag(matrix)
    for k, label in enumerate(classes):
        true, told = matrix[k].sum(), matrix[:, k].sum()
        shares = (f"{100 * right[k] / n:.1f}" if n else "" for n in (true, told))
        table.add_row(label, str(number[label]), str(true), *shares)
    console.print(table)

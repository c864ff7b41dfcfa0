"""`perception mtl latency`: the table of this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from deploy.latency import table
from deploy.latency.table import Table
from perception.outputs import PartFile
from perception.tasks import TASKS
from perception.terminal import terminal
from perception.training.search.space import Space
from perception.types import Size


def latency(out: Path, used: Size, choices: Sequence[str]) -> None:
    """Time the blocks of a search space at an input and write their table to `out`.

    Raises DataError; SinkError before anything is timed.
    """
    PartFile(out).discard()
    made = of_space(Space.of(used, used, choices), tuple(TASKS))
    made.write(out)
    for row in made.checks:
        terminal().print(
            f"{row['design']}: {row['predicted_ms']:.2f} ms predicted, {row['measured_ms']:.2f} measured "
            f"({row['error_percent']:+.1f} %)",
            soft_wrap=True,
        )
    terminal().print(f"{out}: {len(made.times)} blocks on {made.processor}", soft_wrap=True)


def of_space(space: Space, tasks: Sequence[str]) -> Table:
    """Measured now, on this machine."""
    console = terminal(stderr=True)
    return table.make(space.pairs(), space.spread, tasks, lambda text: console.print(f"timing {text}"))


def table_of(path: Path | None, out: Path) -> Callable[[Space, Sequence[str]], Table]:
    """What gives a search its table: that in `path`, or this machine's, kept in `out` as latency.json."""

    def give(space: Space, tasks: Sequence[str]) -> Table:
        if path is not None:
            return replace(table.read(path), tasks=tuple(tasks))
        kept = out / "latency.json"
        if not kept.exists():
            of_space(space, tasks).write(kept)
        return table.read(kept)

    return give

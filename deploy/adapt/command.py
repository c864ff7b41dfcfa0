"""`perception adapt`: what it prints."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from time import perf_counter

from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from deploy.adapt import gate
from deploy.adapt.adapt import adapt as adapted
from deploy.adapt.gate import Try
from deploy.adapt.material import Wanted
from perception.terminal import terminal
from perception.training.adapt.crossed import Gain

console, errors = terminal(), terminal(stderr=True)


def adapt(wanted: Wanted, bundle: Path | None, out: Path) -> int:
    """Adapt, and show what it cost the old domains; 1: too much, so nothing is written."""
    return gated(lambda: _adapt(wanted, bundle, out), wanted.old)


def gated(make: Callable[[], None], old: Sequence[str]) -> int:
    """Exit code of what may be refused; the refusal is shown."""
    try:
        make()
    except gate.Refused as refused:
        if refused.tried:
            show(refused.tried, old)
        errors.print(f"refused: {refused}", style="red", markup=False, highlight=False, soft_wrap=True)
        return 1
    return 0


def _adapt(wanted: Wanted, bundle: Path | None, out: Path) -> None:
    begin = perf_counter()
    with Progress(console=errors, transient=True) as bar:
        row = bar.add_task("reads", total=1.0)
        found = adapted(
            wanted, bundle, out, lambda what, share: bar.update(row, description=what, completed=share)
        )
    for warning in found.warnings:
        say(f"warning: {warning}")
    _show_gains(found.gains)
    show(found.tried, wanted.old)
    tell_unjudged(found.spec.tasks, found.tried[-1])
    say(
        f"written with {gate.shown(found.tried[-1].shares)}, which keeps the old domains within "
        f"{100 * gate.SLACK:.1f} points; "
        f"{perf_counter() - begin:.0f} s; in {out}"
    )


def _show_gains(gains: Mapping[str, Gain]) -> None:
    """What half of the frames teach about the other half; a task that is no better stays as it was."""
    if not gains:
        return
    table = Table(
        "task", "metric", "before", "after", "", title="New frames, held out, %", title_justify="left"
    )
    for task, gain in gains.items():
        scores = (f"{100 * score:.1f}" for score in (gain.before, gain.after))
        table.add_row(task, gain.what, *scores, "learnt" if gain.better else "no better: stays as it was")
    console.print(table)


def say(text: str) -> None:
    """As it is: names and paths may hold what looks like markup."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def tell_unjudged(tasks: Iterable[str], last: Try) -> None:
    """A warning that names those of which the old data say nothing."""
    if unjudged := [task for task in tasks if task not in last.scores]:
        say(f"warning: the old data label nothing of {', '.join(unjudged)}: not judged")


def show(tried: Sequence[Try], old: Sequence[str]) -> None:
    """The old domains, as the old bundle sees them and as each one that was made does."""
    where = " ".join(old) if old else "rendered scenes (no old data were named)"
    scores = tried[-1].scores
    heads = (f"{task}: {score.what}" for task, score in scores.items())
    table = Table("", *heads, title=f"Old domains: {escape(where)}, %", title_justify="left")
    table.add_row("before", *(f"{100 * score.before:.1f}" for score in scores.values()))
    for own in tried:
        after = (own.scores[task] for task in scores)
        table.add_row(
            gate.shown(own.shares), *(f"{100 * s.after:.1f}{' fell' if s.fell else ''}" for s in after)
        )
    console.print(table)

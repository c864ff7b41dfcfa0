"""`perception mtl search`: the search with what it tells on the way, and its page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from perception.outputs import locked
from perception.terminal import terminal
from perception.training.analysis.report import report
from perception.training.search.page import verdicts
from perception.training.search.runs import Wanted
from perception.training.search.search import Latency, search
from perception.training.search.space import Space


def run(
    wanted: Wanted, data: Sequence[str], out: Path, latency: Callable[[Space, Sequence[str]], Latency]
) -> None:
    """`latency`: see `search.search`; what exports networks lies above this package."""
    console = terminal(stderr=True)
    with locked(out):
        found = search(wanted, data, out, latency, lambda text: console.print(text, soft_wrap=True))
    for text in (*verdicts(found), *map(str, report(out))):
        terminal().print(text, soft_wrap=True)

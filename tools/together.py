"""Tables of docs/RESULTS.md about tasks that learn together, from what `perception mtl` wrote."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from perception.training.analysis.compare import PRESETS, planned, summary
from perception.training.analysis.report import grid, group_rows, markdown_table, point_rows, rows, verdict
from perception.training.analysis.runs import results
from perception.training.search.page import how, tables, verdicts

KEPT = Path(__file__).parents[1] / "docs" / "results" / "mtl"
LONG = "verdict"  # preset, and the folder of its runs
UNKNOWN = "(not measured yet)"
Table = Callable[[Mapping[str, Any]], Iterator[str]]  # what was kept, to lines


def compared(axis: str) -> Table:
    """Sharing by balancing, as `perception mtl compare` found it, at equal "steps" or processor "time"."""

    def table(found: Mapping[str, Any]) -> Iterator[str]:
        comparison = _kept("comparison")
        yield from markdown_table(grid(comparison, axis)) if comparison else [UNKNOWN]

    return table


def long(axis: str, made: Callable[[Mapping[str, Any], str], list[list[str]]] = rows) -> Table:
    """The preset LONG, task by task: of the runs that are done, which lie in a folder beside."""

    def table(found: Mapping[str, Any]) -> Iterator[str]:
        done: Mapping[str, Any] = {}
        while (more := results(planned(PRESETS[LONG], done), KEPT / LONG)) != done:
            done = more
        comparison = summary(done)
        lines = made(comparison, axis)
        yield from markdown_table(lines) if len(lines) > 1 else [UNKNOWN]

    return table


def alone(found: Mapping[str, Any]) -> Iterator[str]:
    """Scores of the single-task networks of the preset LONG, %, seed by seed."""
    scores = summary(results(planned(PRESETS[LONG], {}), KEPT / LONG))["single"]
    seeds = range(PRESETS[LONG].seeds)
    cells = {
        task: [f"{100 * own['seeds'][str(k)]:.1f}" if str(k) in own["seeds"] else "" for k in seeds]
        for task, own in scores.items()
    }
    yield from markdown_table([["", *(f"seed {k}" for k in seeds)], *([t, *row] for t, row in cells.items())])


def groups(found: Mapping[str, Any]) -> Iterator[str]:
    """Which tasks belong together, as `perception mtl groups` found it."""
    grouping = _kept("groups")
    yield from [verdict(grouping), "", *markdown_table(group_rows(grouping))] if grouping else [UNKNOWN]


def searched(found: Mapping[str, Any]) -> Iterator[str]:
    """What `perception mtl search` found."""
    search = _kept("search")
    if search is None:
        yield UNKNOWN
        return
    yield from (*how(search), *verdicts(search))
    for table in tables(search):
        yield from ("", *markdown_table(table))


def _kept(name: str) -> Any:
    path = KEPT / f"{name}.json"
    return json.loads(path.read_text()) if path.is_file() else None


TABLES: Mapping[str, Table] = {
    "mtl": compared("steps"),
    "mtl_time": compared("time"),
    "mtl_long": long("steps"),
    "mtl_long_points": long("steps", point_rows),
    "mtl_long_time": long("time"),
    "mtl_long_time_points": long("time", point_rows),
    "mtl_long_alone": alone,
    "groups": groups,
    "search": searched,
}

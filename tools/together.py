"""Tables of docs/RESULTS.md about tasks that learn together, from what `perception mtl` wrote."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from perception.training.analysis.report import grid, group_rows, markdown_table, point_rows, rows, verdict
from perception.training.search.page import how, tables, verdicts

KEPT = Path(__file__).parents[1] / "docs" / "results" / "mtl"
LONG = "verdict/comparison"  # the preset of that name; its runs lie beside it
UNKNOWN = "(not measured yet)"
Table = Callable[[Mapping[str, Any]], Iterator[str]]  # what was kept, to lines


def compared(axis: str) -> Table:
    """Sharing by balancing, as `perception mtl compare` found it, at equal "steps" or processor "time"."""

    def table(found: Mapping[str, Any]) -> Iterator[str]:
        comparison = _kept("comparison")
        yield from markdown_table(grid(comparison, axis)) if comparison else [UNKNOWN]

    return table


def long(axis: str, made: Callable[[Mapping[str, Any], str], list[list[str]]] = rows) -> Table:
    """The preset `verdict`, task by task."""

    def table(found: Mapping[str, Any]) -> Iterator[str]:
        comparison = _kept(LONG)
        yield from markdown_table(made(comparison, axis)) if comparison else [UNKNOWN]

    return table


def alone(found: Mapping[str, Any]) -> Iterator[str]:
    """Scores of the single-task networks of the preset `verdict`, %, seed by seed."""
    comparison = _kept(LONG)
    if comparison is None:
        yield UNKNOWN
        return
    single = comparison["single"]
    seeds = list(next(iter(single.values()))["seeds"])
    cells = [[task, *(f"{100 * own['seeds'][seed]:.1f}" for seed in seeds)] for task, own in single.items()]
    yield from markdown_table([["", *(f"seed {seed}" for seed in seeds)], *cells])


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

"""What a comparison found, as one page that needs nothing else, and as Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from perception.errors import DataError
from perception.evaluation.report import html
from perception.sinks.files import write_whole
from perception.training.analysis import figures
from perception.training.analysis.conflict import WHOLE
from perception.training.search import page as search

TITLE = "Tasks together and apart"
AXES = {"steps": "at equal steps", "time": "at equal processor time"}
REFERENCE = ("hard", "equal")
FINALS = "Finalists with fresh seeds"
LOW = 0.15  # a single-task score below this makes percents of it shaky


def report(folder: Path) -> list[Path]:
    """Write report.html and report.md beside comparison.json, groups.json or search.json.

    Raises DataError if none is there.
    """
    found = [_read(folder / f"{name}.json") for name in ("comparison", "groups", "search")]
    if not any(found):
        raise DataError(
            f"{folder}: expected comparison.json, groups.json or search.json, found none; "
            "`perception mtl compare` writes the first"
        )
    page = html.page(TITLE, _page(*found))
    text = "\n".join(_markdown(*found)) + "\n"
    write_whole(folder / "report.html", page.encode())
    write_whole(folder / "report.md", text.encode())
    return [folder / "report.html", folder / "report.md"]


def _read(path: Path) -> Any:
    if not path.exists():
        return None
    try:
        return json.loads(path.read_text())
    except ValueError as error:
        raise DataError(f"{path}: expected JSON that `perception mtl` wrote: {error}") from error


def _best_first(comparison: Mapping[str, Any], axis: str) -> dict[str, Any]:
    """The variants that have runs of this axis, by their means."""
    known = {name: own for name, own in comparison["variants"].items() if own[axis]["delta_m"]}
    return dict(sorted(known.items(), key=lambda item: -float(item[1][axis]["delta_m"]["mean"])))


def rows(comparison: Mapping[str, Any], axis: str) -> list[list[str]]:
    """The table of variants, best mean first; a header row first."""
    tasks = comparison["tasks"]
    cost = {
        "steps": ["rank", "M parameters", "GMAC", "INT8 ms", "train s", "seeds"],
        "time": ["steps", "INT8 ms", "seeds"],
    }[axis]
    table = [["", *tasks, "mean", "hurt", *cost]]
    for name, own in _best_first(comparison, axis).items():
        found = own[axis]
        speed = comparison.get("speeds", {}).get(name.partition("/")[0], {}).get("int8_ms")
        known = {
            "rank": f"{own['rank']:.1f}" if own["rank"] is not None else "",
            "M parameters": f"{own['parameters'] / 1e6:.2f}",
            "GMAC": f"{own['macs'] / 1e9:.2f}",
            "INT8 ms": f"{speed:.2f}" if speed else "",
            "train s": f"{own['seconds']['mean']:.0f}",
            "steps": "".join(str(count) for count in own["time"]["steps"]),
            "seeds": str(found["delta_m"]["count"]),
        }
        cells = [_cell(found["delta"].get(task)) for task in tasks]
        hurt = ", ".join(found["hurt"]) or ("none" if found["delta_m"]["count"] > 1 else "unknown")
        table.append([name, *cells, _cell(found["delta_m"]), hurt, *(known[key] for key in cost)])
    return table


def point_rows(comparison: Mapping[str, Any], axis: str) -> list[list[str]]:
    """The differences of `rows` in percentage points, with a header row; older results have none."""
    tasks, variants = comparison["tasks"], _best_first(comparison, axis)
    known = {name: own[axis]["points"] for name, own in variants.items() if own[axis].get("points")}
    return [["", *tasks]] + [[name, *(_cell(own.get(task)) for task in tasks)] for name, own in known.items()]


def grid(comparison: Mapping[str, Any], axis: str) -> list[list[str]]:
    """Sharing down, balancing across: the mean difference; a header row first."""
    means = {name: own[axis]["delta_m"] for name, own in comparison["variants"].items()}
    known = [name.split("/") for name in means]
    ways = list(dict.fromkeys(way for way, _ in known))
    balances = list(dict.fromkeys(balance for _, balance in known))
    return [["", *balances]] + [
        [way, *(_cell(means.get(f"{way}/{balance}")) for balance in balances)] for way in ways
    ]


def final_rows(finals: Mapping[str, Any], axis: str) -> list[list[str]]:
    """Differences of the finalists with seeds that did not choose them, in percent; a header row first."""
    known = {name: own[axis] for name, own in finals["variants"].items() if own[axis]["delta_m"]}
    tasks = list(dict.fromkeys(task for own in known.values() for task in own["delta"]))
    return [["", *tasks, "mean", "seeds"]] + [
        [
            name,
            *(_cell(own["delta"].get(task)) for task in tasks),
            _cell(own["delta_m"]),
            str(own["delta_m"]["count"]),
        ]
        for name, own in known.items()
    ]


def _finals(comparison: Mapping[str, Any]) -> Mapping[str, Any]:
    """Empty: no finalists, or those of an older version, which are judged by all their seeds."""
    finals: Mapping[str, Any] = comparison.get("finals", {})
    return finals if finals.get("variants") else {}


def judges(comparison: Mapping[str, Any]) -> list[str]:
    """Which seeds judged the finalists: a sentence, if there are finalists."""
    why = "The best of many means is a lucky one, too, so their intervals"
    if finals := _finals(comparison):
        chose, fresh = (_listed(finals[key]) for key in ("chosen_by", "seeds"))
        return [
            f"Finalists are judged by the fresh seeds {fresh} alone. The tables of all ways are of the seeds "
            f"{chose}, which chose them. {why} are optimistic there."
        ]
    seeds = {name: own["seeds"] for name, own in comparison["variants"].items()}
    fewest: list[int] = min(seeds.values(), key=len, default=[])
    more = [name for name, own in seeds.items() if len(own) > len(fewest) and name != "/".join(REFERENCE)]
    if not more:
        return []
    return [
        f"{_listed(more)}: chosen as the best by the seeds {_listed(fewest)}, and judged by these and "
        f"further ones, {_listed(seeds[more[0]])} in all. {why} are optimistic."
    ]


def _listed(items: Sequence[object]) -> str:
    return ", ".join(map(str, items))


def group_rows(grouping: Mapping[str, Any]) -> list[list[str]]:
    forecasts = list(grouping["forecasts"])
    head = ["groups", "mean difference to single-task, %", *(f"foretold by {name}" for name in forecasts)]
    return [head] + [
        [" / ".join(row["groups"]), f"{row['delta_m']:+.2f}", *(f"{row[name]:+.3f}" for name in forecasts)]
        for row in grouping["partitions"]
    ]


def _cell(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    half = "" if found["half"] is None else f" ± {found['half']:.1f}"
    return f"{found['mean']:+.1f}{half}"


def _page(comparison: Any, grouping: Any, searched: Any) -> Iterator[str]:
    if comparison is not None:
        yield from _comparison_page(comparison)
    if grouping is not None:
        yield html.heading("Which tasks belong together")
        yield f"<p>{escape(verdict(grouping))}</p>"
        yield html.table(group_rows(grouping))
    if searched is not None:
        yield from search.page(searched)


def _comparison_page(comparison: Mapping[str, Any]) -> Iterator[str]:
    variants, tasks = comparison["variants"], comparison["tasks"]
    yield "".join(map(html.note, _how(comparison)))
    if finals := _finals(comparison):
        yield f"<h2>{FINALS}</h2>"
        for axis, title in AXES.items():
            yield f"<p>{title.capitalize()}, %:</p>{_marked(final_rows(finals, axis))}"
    for axis, title in AXES.items():
        yield f"<h2>Against single-task networks {title}</h2>"
        if not any(own[axis]["delta_m"] for own in variants.values()):
            yield "<p>No runs yet.</p>"
            continue
        yield "<p>Mean of the tasks' differences, %: ways to share down, ways to balance across.</p>"
        yield _marked(grid(comparison, axis))
        for k, what in enumerate(("Ways to share, losses simply added", "Ways to balance, hard sharing")):
            own = {name: x for name, x in variants.items() if name.split("/")[1 - k] == REFERENCE[1 - k]}
            yield f"<h3>{what}</h3><figure>{figures.deltas(own, axis, tasks)}</figure>"
        yield html.folded(f"All figures {title}", _marked(rows(comparison, axis)))
        if len(in_points := point_rows(comparison, axis)) > 1:
            yield html.folded(f"In percentage points {title}", _marked(in_points))
    yield f"<h2>Quality and cost</h2><figure>{figures.pareto(variants)}</figure>"
    for name, own in variants.items():
        shared = any(probe["cosines"].get(WHOLE) for probe in own["conflicts"])  # else nothing can oppose
        if shared and name.endswith(f"/{REFERENCE[1]}"):
            yield f"<h2>Conflicts: {escape(name)}</h2>"
            yield f"<figure>{figures.conflicts(own['conflicts'], WHOLE)}</figure>"
            if name == "/".join(REFERENCE):
                yield f"<figure>{figures.atlas(own['conflicts'])}</figure>"
            saw = ", ".join(f"{pair.replace('|', ' and ')} {x:+.2f}" for pair, x in own["see_saw"].items())
            yield "<p class=note>See-saw, the correlation of the changes of two scores from look to look, "
            yield f"-1 where one gains what the other loses: {saw}</p>"
    for name, own in variants.items():
        if own["weights"] and name.startswith(f"{REFERENCE[0]}/") and name != "/".join(REFERENCE):
            yield f"<h2>Weights: {escape(name)}</h2><figure>{figures.weights(own['weights'])}</figure>"


def _how(comparison: Mapping[str, Any]) -> list[str]:
    width, height = comparison["size"]
    alone = {task: scores["mean"] for task, scores in comparison["single"].items()}
    told = ", ".join(f"{task} {score:.3f}" for task, score in alone.items())
    low = [task for task, score in alone.items() if score < LOW]
    lines = [
        "Percent of the single-task score, with 95 % intervals over seeds (Student's t, paired by seed). "
        f"Input {width} x {height}, {comparison['steps']} steps. At equal processor time every network gets "
        "as many steps as fit into what the single-task networks take together. "
        "'hurt' names the tasks whose whole interval lies below zero.",
        f"Command: {comparison['command']} --data DIR --out DIR. Single-task scores: {told}.",
    ]
    lines += judges(comparison)
    if low:
        lines.append(
            f"Low scores: {', '.join(low)} below {LOW}. A percent of little is little: read these columns, "
            "and the means that they are part of, with care; more steps (--set steps=) make them firmer."
        )
    return lines


def verdict(grouping: Mapping[str, Any]) -> str:
    best = " / ".join(grouping["partitions"][0]["groups"])
    told = "; ".join(
        f"{name} foretells the order with a rank correlation of {own['rank_correlation']:+.2f}, following it "
        f"costs {own['regret']:.2f} points against the best"
        for name, own in grouping["forecasts"].items()
    )
    return f"Best of {len(grouping['partitions'])} groupings: {best}. From one run with all tasks, {told}."


def _marked(table: Sequence[Sequence[str]]) -> str:
    """With colours for differences whose interval does not hold zero."""
    cells = {(i, j): _mark(cell) for i, row in enumerate(table) for j, cell in enumerate(row)}
    return html.table(table, {place: mark for place, mark in cells.items() if mark})


def _mark(cell: str) -> str:
    mean, found, half = cell.partition(" ± ")
    try:
        sure = bool(found) and abs(float(mean)) > float(half)
    except ValueError:
        return ""
    return "" if not sure else "better" if float(mean) > 0 else "worse"


def _markdown(comparison: Any, grouping: Any, searched: Any) -> Iterator[str]:
    yield f"# {TITLE}"
    if comparison is not None:
        yield from (f"\n{line}" for line in _how(comparison))
        finals = _finals(comparison)
        for axis, title in AXES.items() if finals else ():
            yield f"\n## {FINALS}, {title}\n"
            yield from markdown_table(final_rows(finals, axis))
        for axis, title in AXES.items():
            yield f"\n## Against single-task networks {title}\n"
            yield "Mean of the tasks' differences, %: ways to share down, ways to balance across.\n"
            yield from markdown_table(grid(comparison, axis))
            yield ""
            yield from markdown_table(rows(comparison, axis))
            if len(in_points := point_rows(comparison, axis)) > 1:
                yield "\nIn percentage points:\n"
                yield from markdown_table(in_points)
    if grouping is not None:
        yield f"\n## Which tasks belong together\n\n{verdict(grouping)}\n"
        yield from markdown_table(group_rows(grouping))
    if searched is not None:
        yield f"\n## {search.TITLE}"
        yield from (f"\n{line}" for line in (*search.how(searched), *search.verdicts(searched)))
        for table in search.tables(searched):
            yield ""
            yield from markdown_table(table)


def markdown_table(table: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(table[0])} |"
    yield "|---|" + "---:|" * (len(table[0]) - 1)
    for row in table[1:]:
        yield f"| {' | '.join(row)} |"

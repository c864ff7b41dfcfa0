"""What a search found, as part of the page and of the Markdown of `perception mtl report`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from perception.evaluation.report import html
from perception.training.analysis import figures

TITLE = "Search under a latency budget"
NAMES = {"tpe": "search (TPE)", "random": "random search", "shipped": "shipped architecture"}
Table = list[list[str]]


def search_rows(found: Mapping[str, Any]) -> Table:
    """Both searches side by side, with equal steps of training; a header row first."""
    head = ["", "best network", "mean on its seed, %", "networks", "steps", "over budget"]
    return [head] + [
        [
            NAMES[method],
            own["best"],
            f"{own['delta_m']:+.2f}",
            str(own["trials"]),
            str(own["steps"]),
            str(own["over_budget"]),
        ]
        for method, own in found["searches"].items()
    ]


def final_rows(found: Mapping[str, Any]) -> Table:
    """The finalists, trained again with fresh seeds; a header row first."""
    tasks = found["tasks"]
    rows = [["", *tasks, "mean"]]
    for name in found["finalists"]:
        final = found["finals"][name]
        deltas = (cell(final["delta"].get(task)) for task in tasks)
        rows.append([NAMES[name], *deltas, cell(final["delta_m"])])
    return rows


def time_rows(found: Mapping[str, Any]) -> Table:
    """How long the finalists take, and what was predicted; a header row first."""
    rows = [["", "network", "ms predicted", "ms measured", "error, %"]]
    for name, own in found["finalists"].items():
        times = (f"{own[key]:.2f}" for key in ("predicted_ms", "measured_ms"))
        rows.append([NAMES[name], own["name"], *times, f"{own['error_percent']:+.1f}"])
    return rows


def tables(found: Mapping[str, Any]) -> tuple[Table, Table, Table]:
    return final_rows(found), time_rows(found), search_rows(found)


def tried_rows(own: Mapping[str, Any]) -> Table:
    """All networks of one search, those that went furthest first."""
    order = sorted(own["tried"], key=lambda t: (-t["steps"], -max(t["rungs"].values(), default=0.0)))
    rows = [["network", "INT8 ms", "steps", "mean there, %"]]
    for one in order:
        there = one["rungs"].get(str(one["steps"]))
        rows.append(
            [one["name"], f"{one['ms']:.2f}", str(one["steps"]), "" if there is None else f"{there:+.2f}"]
        )
    return rows


def verdicts(found: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each finalist that the search's is compared with."""
    best = found["finalists"]["tpe"]["name"]
    for name, own in found["verdicts"].items():
        if found["finalists"][name]["name"] == best:
            yield f"Against {NAMES[name]}: both found the same network."
            continue
        word = "above" if own["above"] else "below" if own["below"] else "not above"
        count = own["difference"]["count"]
        text = f"Against {NAMES[name]}: {word}, {cell(own['difference'])} points over {count} seeds."
        if not (own["above"] or own["below"]):
            many = own["settled_by"]
            text += (
                f" About {many} seeds would settle a difference of this size."
                if many
                else " No number of seeds within reach would settle a difference of this size."
            )
        yield text


def how(found: Mapping[str, Any]) -> Iterator[str]:
    """What was compared, and by what."""
    used, trained = ("x".join(map(str, found[name])) for name in ("used", "trained"))
    yield (
        f"Budget {found['budget_ms']:g} ms of one thread in INT8, predicted for {found['processor']}. "
        f"At scale 1 the input is {used} in use and {trained} in training and judging. "
        f"Networks are trained {found['steps']} steps; the best third of nine goes on to the next rung. "
        "Percent of the score of single-task networks of the shipped shape, with 95 % intervals over seeds "
        "that the search has not seen (Student's t, paired by seed)."
    )
    told = ", ".join(f"{task} {score:.3f}" for task, score in found["single"].items())
    yield f"Command: {found['command']} --data DIR --out DIR. Single-task scores: {told}."
    for name, own in found["finalists"].items():
        if own["predicted_ms"] > found["budget_ms"]:
            yield f"{NAMES[name].capitalize()} is over the budget; it is here to be compared with."


def page(found: Mapping[str, Any]) -> Iterator[str]:
    yield html.heading(TITLE)
    yield "".join(map(html.note, how(found)))
    yield "".join(f"<p>{escape(text)}</p>" for text in verdicts(found))
    yield from map(html.table, tables(found))
    yield f"<figure>{scatter(found)}</figure>"
    for method, own in found["searches"].items():
        yield html.folded(f"All networks of {NAMES[method]}", html.table(tried_rows(own)))


def scatter(found: Mapping[str, Any]) -> str:
    """Predicted latency across, worth up, of all networks at the rung that they reached."""
    steps = sorted({one["steps"] for own in found["searches"].values() for one in own["tried"]})
    with matplotlib.rc_context(figures.STYLE):
        figure = Figure(figsize=(7.2, 3.6))
        axes = figure.subplots()
        for k, (method, own) in enumerate(found["searches"].items()):
            for one in own["tried"]:
                if one["rungs"]:
                    size = 3 + 4 * steps.index(one["steps"])
                    worth = one["rungs"][str(one["steps"])]
                    axes.plot([one["ms"]], [worth], "o^"[k], ms=size, color=f"C{k}", alpha=0.7)
            axes.plot([], [], "o^"[k], color=f"C{k}", label=NAMES[method])
        shipped = found["finalists"]["shipped"]
        axes.axvline(shipped["predicted_ms"], color="#999", lw=0.8, ls=":", label=NAMES["shipped"])
        axes.axvline(found["budget_ms"], color="#999", lw=0.8)
        axes.set_xlabel("predicted INT8 ms of a frame; larger marks were trained longer")
        axes.set_ylabel("mean difference, %")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)
    return figures.svg(figure)


def cell(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    half = "" if found["half"] is None else f" ± {found['half']:.1f}"
    return f"{found['mean']:+.1f}{half}"

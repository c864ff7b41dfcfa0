"""The figures of a comparison, as SVG to be put into a page."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from perception.tasks import TASKS

COLOURS = {name: task.about.colours[name][0] for name, task in TASKS.items()}
STYLE: Any = {
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "svg.fonttype": "none",  # text stays text: it can be searched and follows the page's font
    "svg.hashsalt": "perception",  # the same figures give the same bytes
}
Variants = Mapping[str, Mapping[str, Any]]


def svg(figure: Figure) -> str:
    """The figure without what only a file of its own needs."""
    out = io.StringIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(out, format="svg", bbox_inches="tight", metadata={"Date": None})
    text = out.getvalue()
    return text[text.index("<svg") :]


def deltas(variants: Variants, axis: str, tasks: Sequence[str]) -> str:
    """A row a variant, best first: each task's relative difference with its interval, and their mean."""
    known = [name for name in variants if variants[name][axis]["delta_m"]]
    names = sorted(known, key=lambda n: float(variants[n][axis]["delta_m"]["mean"]))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 1 + 0.5 * len(names)))
        axes = figure.subplots()
        for y, name in enumerate(names):
            own = variants[name][axis]
            for k, task in enumerate(tasks):
                if task in own["delta"]:
                    label = task if y == 0 else None
                    _whisker(axes, own["delta"][task], y + 0.26 - 0.15 * k, COLOURS[task], label)
            label = "mean" if y == 0 else None
            axes.plot([own["delta_m"]["mean"]], [y], "|", ms=22, mew=2, color="#333", label=label)
        axes.axvline(0, color="#999", lw=0.8)
        reach = max((abs(x["mean"]) for n in names for x in variants[n][axis]["delta"].values()), default=1)
        axes.set_xlim(-max(10, 1.6 * reach), max(10, 1.6 * reach))  # longer intervals leave the picture
        axes.set_yticks(range(len(names)), names)
        axes.set_xlabel("difference to the single-task network, %")
        if names:
            axes.legend(loc="lower center", bbox_to_anchor=(0.4, 1.0), ncols=5, frameon=False)
    return svg(figure)


def _whisker(axes: Axes, found: Mapping[str, Any], y: float, colour: str, label: str | None) -> None:
    half = found["half"]
    axes.plot([found["mean"]], [y], "o", ms=4, color=colour, label=label)
    if half is not None:
        axes.plot([found["mean"] - half, found["mean"] + half], [y, y], color=colour, lw=1.4)


def pareto(variants: Variants) -> str:
    """Quality at equal steps against what these cost; the line joins, and names, what nothing else beats."""
    points = {
        name: (own["seconds"]["mean"], float(own["steps"]["delta_m"]["mean"]))
        for name, own in variants.items()
        if own["steps"]["delta_m"]
    }
    ways = list(dict.fromkeys(name.partition("/")[0] for name in points))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 4.2))
        axes = figure.subplots()
        for k, way in enumerate(ways):
            own = [point for name, point in points.items() if name.partition("/")[0] == way]
            axes.plot(*zip(*own, strict=True), "o", color=f"C{k}", ms=5, label=way)
        front = {n: p for n, p in points.items() if not any(_beats(q, p) for q in points.values())}
        if front:
            axes.plot(*zip(*sorted(front.values()), strict=True), color="#888", lw=1, zorder=0)
            axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, frameon=False)
        _name(axes, front)
        axes.axhline(0, color="#999", lw=0.8)
        axes.set_xlabel("processor time of the training steps, s")
        axes.set_ylabel("mean difference to single-task, %")
    return svg(figure)


def _name(axes: Axes, points: Mapping[str, tuple[float, float]]) -> None:
    """Names in a column at the right, as far apart as they need, each with a line to its point."""
    axes.margins(0.08)
    axes.autoscale_view()
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    order = sorted(points, key=lambda name: points[name][1])
    gap = (high - low) / max(14, len(order))
    at = [low + gap * k for k in range(len(order))]
    for k in reversed(range(len(order))):  # as near to the points as there is room, from the top down
        above = at[k + 1] - gap if k + 1 < len(order) else high
        at[k] = min(above, max(at[k], points[order[k]][1]))
    edge = right + 0.12 * (right - left)
    for name, y in zip(order, at, strict=True):
        axes.plot(
            [points[name][0], edge], [points[name][1], y], color="#ccc", lw=0.7, zorder=0, clip_on=False
        )
        axes.text(edge, y, f" {name}", va="center", fontsize=8)
    axes.set_xlim(left, right)
    axes.set_ylim(low, high)


def _beats(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return a != b and a[0] <= b[0] and a[1] >= b[1]


def conflicts(probes: Sequence[Mapping[str, Any]], part: str) -> str:
    """Pairs of tasks down, steps across: the cosine of their gradients, red where they oppose."""
    pairs = sorted({pair for probe in probes for pair in probe["cosines"].get(part, {})})
    grid = np.array([[probe["cosines"].get(part, {}).get(p, np.nan) for probe in probes] for p in pairs])
    return _heat(grid, pairs, [str(probe["step"]) for probe in probes], f"step; {part}")


def _heat(grid: np.ndarray, pairs: Sequence[str], columns: Sequence[str], across: str) -> str:
    limit = max(0.05, float(np.nanmax(np.abs(grid)))) if grid.size else 1.0
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 0.9 + 0.34 * max(1, len(pairs))))
        axes = figure.subplots()
        image = axes.imshow(grid, cmap="RdBu", vmin=-limit, vmax=limit, aspect="auto")
        axes.set_yticks(range(len(pairs)), [pair.replace("|", " and ") for pair in pairs])
        axes.set_xticks(range(len(columns)), columns)
        axes.set_xlabel(across)
        figure.colorbar(image, label="cosine")
    return svg(figure)


def atlas(probes: Sequence[Mapping[str, Any]]) -> str:
    """Pairs of tasks down, parts of the trunk across: the mean cosine over the run."""
    parts = list(dict.fromkeys(part for probe in probes for part in probe["cosines"]))
    over_time = {
        part: _mean_by_key([probe["cosines"][part] for probe in probes if part in probe["cosines"]])
        for part in parts
    }
    pairs = sorted({pair for own in over_time.values() for pair in own})
    grid = np.array([[over_time[part].get(pair, np.nan) for part in parts] for pair in pairs])
    return _heat(grid, pairs, [part.removeprefix("encoder.") for part in parts], "part of the trunk")


def _mean_by_key(rows: Sequence[Mapping[str, float]]) -> dict[str, float]:
    keys = {key for row in rows for key in row}
    return {key: float(np.mean([row[key] for row in rows if key in row])) for key in keys}


def weights(over_time: Sequence[Mapping[str, Any]]) -> str:
    """The tasks' weights, each over the mean of all."""
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(7.2, 2.6))
        axes = figure.subplots()
        for task in COLOURS:
            known = [(row["step"], row["weights"][task]) for row in over_time if task in row["weights"]]
            if known:
                axes.plot(*zip(*known, strict=True), color=COLOURS[task], label=task)
        axes.set_xlabel("step")
        axes.set_ylabel("weight")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, frameon=False)
    return svg(figure)

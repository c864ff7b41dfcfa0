"""Charts as inline SVG, in colours of the page.

Lengths along a row are percents: a chart is as wide as the page, and its text keeps its size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

import numpy as np

SQUARE, MARGIN = 320, 40  # of the calibration plot, its own units


@dataclass(frozen=True)
class Whisker:
    """A value with its interval and how it is to be read."""

    label: str
    value: float
    low: float
    high: float
    mark: str  # "better", "worse" or "undecided"
    text: str


def whiskers(rows: Sequence[Whisker]) -> str:
    """A row each around a common zero; an interval that leaves the chart goes on to its edge."""
    sure = [abs(edge) for row in rows for edge in (row.low, row.high) if np.isfinite(edge)]
    reach = _round_up(max([*sure, *(abs(row.value) for row in rows), 1e-9]))
    hues = {"better": "var(--good)", "worse": "var(--bad)"}
    body = []
    for row in rows:
        colour = hues.get(row.mark, "var(--soft)")
        low, high = (min(max(_percent(edge, -reach, reach), 0), 100) for edge in (row.low, row.high))
        inside = (
            f"{_line(50, 'axis')}<line x1='{low:.2f}%' x2='{high:.2f}%' y1='50%' y2='50%' "
            f"style='stroke:{colour};stroke-width:2'/>{_dot(_percent(row.value, -reach, reach), colour)}"
        )
        end = f"<span class='end {row.mark}'>{escape(row.text)}</span>"
        body.append(f"<span>{escape(row.label)}</span><svg>{inside}</svg>{end}")
    axis = _axis([(0, f"-{_short(reach)}"), (50, "0"), (100, f"+{_short(reach)}")])
    return (
        f"<figure class=chart><div class=rows>{''.join(body)}<span></span>{axis}<span></span></div></figure>"
    )


def dots(rows: Mapping[str, Mapping[str, float]], hues: Mapping[str, str]) -> str:
    """A row for each drive or tag, a dot for each task's share from 0 to 1."""
    body = []
    for label, values in rows.items():
        marks = "".join(_dot(100 * value, hues[name], name, value) for name, value in values.items())
        grid = "".join(_line(x, "grid") for x in range(0, 101, 25))
        body.append(f"<span>{escape(label)}</span><svg>{grid}{marks}</svg><span></span>")
    axis = _axis([(x, str(x)) for x in range(0, 101, 25)])
    return _rows(body, axis, key(hues))


def bars(rows: Mapping[str, tuple[float, float, float]], limit: float | None = None) -> str:
    """p50, p95 and p99 of each stage in ms, one bar from light to dark; `limit`: a line, the deadline."""
    top = _round_up(max([1e-3, limit or 0, *(high for *_, high in rows.values())]))
    body = []
    for label, values in rows.items():
        inside = "".join(
            f"<rect x='0' y='20%' width='{100 * value / top:.2f}%' height='60%' "
            f"style='fill:var(--lanes);opacity:{opacity}'/>"
            for value, opacity in zip(reversed(values), (0.25, 0.5, 0.9), strict=True)
        )
        if limit is not None:
            x = f"{100 * limit / top:.2f}%"
            inside += f"<line x1='{x}' x2='{x}' y1='0' y2='100%' style='stroke:var(--bad);stroke-width:3'/>"
        text = " / ".join(f"{value:.1f}" for value in values)
        body.append(f"<span>{escape(label)}</span><svg>{inside}</svg><span class=end>{text}</span>")
    axis = _axis([(0, "0"), (100, f"{_short(top)} ms")])
    return (
        f"<figure class=chart><div class=rows>{''.join(body)}<span></span>{axis}<span></span></div></figure>"
    )


def calibration(bins: np.ndarray, title: str, colour: str) -> str:
    """Share that is right over the score, of (n, 3): count, mean score, share right. Area: how many."""
    inner = SQUARE - 2 * MARGIN

    def across(x: float) -> float:
        return MARGIN + inner * x

    def up(y: float) -> float:
        return SQUARE - MARGIN - inner * y

    ticks = "".join(
        f"<text x='{across(t):.0f}' y='{SQUARE - 20}' text-anchor='middle'>{t:g}</text>"
        f"<text x='{MARGIN - 6}' y='{up(t) + 4:.0f}' text-anchor='end'>{t:g}</text>"
        f"<line class=grid x1='{across(t):.0f}' x2='{across(t):.0f}' y1='{up(0)}' y2='{up(1)}'/>"
        f"<line class=grid x1='{across(0)}' x2='{across(1)}' y1='{up(t):.0f}' y2='{up(t):.0f}'/>"
        for t in (0, 0.25, 0.5, 0.75, 1)
    )
    largest = float(bins[:, 0].max()) if len(bins) else 1.0
    circles = "".join(
        f"<circle cx='{across(score):.1f}' cy='{up(right):.1f}' r='{3 + 9 * (count / largest) ** 0.5:.1f}' "
        f"style='fill:{colour};fill-opacity:0.7;stroke:{colour}'>"
        f"<title>{count:.0f} of mean score {score:.2f}: {right:.0%} right</title></circle>"
        for count, score, right in bins
    )
    ideal = f"<line class=axis x1='{across(0)}' y1='{up(0)}' x2='{across(1)}' y2='{up(1)}'/>"
    texts = (
        f"<text x='{SQUARE / 2}' y='{SQUARE - 4}' text-anchor='middle'>score</text>"
        f"<text x='{MARGIN}' y='{MARGIN - 10}'>share right</text>"
    )
    inside = ticks + ideal + circles + texts
    svg = f"<svg class=square viewBox='0 0 {SQUARE} {SQUARE}'>{inside}</svg>"
    return f"<figure class=chart><figcaption>{escape(title)}</figcaption>{svg}</figure>"


def key(hues: Mapping[str, str]) -> str:
    inside = "".join(f"<span style='--hue:{hue}'>{escape(name)}</span>" for name, hue in hues.items())
    return f"<div class=key>{inside}</div>"


def _rows(body: Sequence[str], axis: str, above: str = "") -> str:
    """Label, chart and text of each row, and the axis below."""
    inside = f"{''.join(body)}<span></span>{axis}<span></span>"
    return f"<figure class=chart>{above}<div class=rows>{inside}</div></figure>"


def _dot(x: float, colour: str, name: str = "", value: float | None = None) -> str:
    told = "" if value is None else f"<title>{escape(name)} {100 * value:.1f}</title>"
    return f"<circle cx='{min(max(x, 0), 100):.2f}%' cy='50%' r='5' style='fill:{colour}'>{told}</circle>"


def _line(x: float, kind: str) -> str:
    return f"<line class={kind} x1='{x}%' x2='{x}%' y1='0' y2='100%'/>"


def _axis(ticks: Sequence[tuple[float, str]]) -> str:
    anchors = {0: "start", 100: "end"}
    inside = "".join(
        f"<text x='{x}%' y='14' text-anchor='{anchors.get(int(x), 'middle')}'>{escape(text)}</text>"
        for x, text in ticks
    )
    return f"<svg>{inside}</svg>"


def _percent(value: float, low: float, high: float) -> float:
    return 50.0 if not np.isfinite(high - low) else float(100 * (np.nan_to_num(value) - low) / (high - low))


def _round_up(value: float) -> float:
    """To 1, 2 or 5 times a power of ten."""
    power = 10.0 ** floor(log10(value))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value * (1 - 1e-9))


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 10 or value == ceil(value) else f"{value:g}"

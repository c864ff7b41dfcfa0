"""One page about a calibration: where the boards were, how well they fit, how sure the camera is."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from pathlib import Path

import numpy as np

from calibration.camera.fit import Fit
from calibration.camera.uncertainty import sigma_map, sigmas
from calibration.camera.views import Search, empty_parts
from perception.evaluation.report import html
from perception.outputs import write_whole

WIDTH = 800.0  # of a drawing, its own units
LONGER = 20.0  # times: residuals as drawn
GOOD, POOR = 1.0, 5.0  # pixels of uncertainty: ends of the colour scale


def write_report(path: Path, source: str, found: Search, fit: Fit) -> None:
    """Raises SinkError."""
    write_whole(path, html.page(f"Calibration of {source}", _parts(found, fit)).encode())


def _parts(found: Search, fit: Fit) -> Iterator[str]:
    yield html.cards(_cards(found, fit))
    missing = empty_parts(fit.views)
    if missing:
        yield html.note(f"No board was in these parts of the picture: {', '.join(missing)}. Add views there.")
    yield html.heading("How sure the camera is")
    yield html.note(
        "Standard deviation of a projected point, in pixels, from how the views scatter. It grows where no "
        "board was, however small the residuals are."
    )
    yield _figure(fit, "".join(_cells(fit)))
    yield html.heading("Where the boards were")
    yield html.note(f"Every corner, and {LONGER:g} times the distance from where the camera model puts it.")
    yield _figure(fit, "".join(_corners(fit)))
    yield html.heading("Views")
    yield html.table(_rows(found, fit))


def _cards(found: Search, fit: Fit) -> Iterator[tuple[str, str, str, str]]:
    camera, sigma, spread = fit.camera, sigmas(fit), sigma_map(fit)
    used = f"of {found.pictures} pictures; {len(fit.dropped)} did not fit"
    median, worst = np.nanmedian(spread), np.nanmax(spread)
    yield "signs", "views used", str(len(fit.views)), used
    yield "lanes", "rms", f"{fit.rms:.2f} px", f"{fit.first_rms:.2f} px with the views that did not fit"
    focal, error = f"{camera.fx:.1f} / {camera.fy:.1f}", f"± {sigma['fx']:.1f} / {sigma['fy']:.1f} px"
    yield "detection", "focal length", focal, error
    yield "other", "uncertainty", f"{median:.1f} px", f"median; {worst:.1f} px at most"


def _figure(fit: Fit, inside: str) -> str:
    height = WIDTH * fit.camera.size[1] / fit.camera.size[0]
    frame = f"<rect width='{WIDTH}' height='{height:.0f}' fill='none' stroke='#999'/>"
    return f"<figure><svg viewBox='0 0 {WIDTH} {height:.0f}' role=img>{inside}{frame}</svg></figure>"


def _cells(fit: Fit) -> Iterator[str]:
    spread = sigma_map(fit)
    rows, columns = spread.shape
    width, height = WIDTH / columns, WIDTH * fit.camera.size[1] / fit.camera.size[0] / rows
    for row, column in np.ndindex(rows, columns):
        value, x, y = float(spread[row, column]), column * width, row * height
        yield (
            f"<rect x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' height='{height:.1f}' fill='{_hue(value)}'/>"
            f"<text x='{x + width / 2:.1f}' y='{y + height / 2 + 4:.1f}' text-anchor='middle'>{value:.1f}"
            "</text>"
        )


def _hue(pixels: float) -> str:
    """From green at GOOD to red at POOR, and where nothing is known."""
    share = np.log(max(pixels, 1e-9) / GOOD) / np.log(POOR / GOOD) if np.isfinite(pixels) else 1.0
    return f"hsl({140 * (1 - np.clip(share, 0, 1)):.0f} 55% 75%)"


def _corners(fit: Fit) -> Iterator[str]:
    scale = WIDTH / fit.camera.size[0]
    for number, (view, residual) in enumerate(zip(fit.views, fit.residuals, strict=True)):
        colour = f"hsl({360 * number / len(fit.views):.0f} 60% 45%)"
        marks = (
            f"M{x:.1f} {y:.1f}l{dx:.1f} {dy:.1f}"
            for (x, y), (dx, dy) in zip(view.corners * scale, -residual * scale * LONGER, strict=True)
        )
        dots = "".join(
            f"<circle cx='{x:.1f}' cy='{y:.1f}' r='1.5' fill='{colour}'/>" for x, y in view.corners * scale
        )
        title = f"<title>{escape(view.name)}</title>"
        yield f"<g>{title}{dots}<path d='{''.join(marks)}' stroke='{colour}' fill='none'/></g>"


def _rows(found: Search, fit: Fit) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [("view", "corners", "share, %", "edge width, px", "rms, px", "")]
    rows += [
        (
            view.name,
            str(len(view.points)),
            f"{100 * view.coverage:.0f}",
            f"{view.edge_px:.1f}",
            f"{fit.rms_of(k):.2f}",
            "used",
        )
        for k, view in enumerate(fit.views)
    ]
    rows += [(name, "", "", "", f"{rms:.2f}", "left out: does not fit") for name, rms in fit.dropped]
    rows += [(name, "", "", "", "", "left out: blurred") for name in found.blurred]
    rows += [(name, "", "", "", "", "left out: repeats another") for name in found.alike]
    rows += [(name, "", "", "", "", "left out: of another size") for name in found.odd]
    rows += [(name, "", "", "", "", "the whole board was not found") for name in found.without[:50]]
    return rows

"""`perception calibrate intrinsics`: from a source with a board in it to a camera file."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn

from calibration.camera.board import Board
from calibration.camera.fit import Fit, fit
from calibration.camera.report import write_report
from calibration.camera.uncertainty import sigma_map, sigmas
from calibration.camera.views import Search, empty_parts, search
from perception.camera import FISHEYE, PINHOLE, CameraModel
from perception.camera_files import check_name, write_camera
from perception.errors import PerceptionError
from perception.outputs import keep_apart
from perception.redaction import redacted
from perception.sources import open_source
from perception.terminal import terminal


def intrinsics(
    source: str,
    board: Board,
    out: Path,
    fisheye: bool = False,
    height: float | None = None,
    report: Path | None = None,
    overwrite: bool = False,
) -> Fit:
    """Find the board in the source, calibrate, and write the camera and a page about it.

    `height`: above the road, metres; None: nobody has measured it, and the file says nothing of it.
    Ctrl-C ends the search in a video or a camera, and what was found by then is used.
    Raises PerceptionError: too few views, no camera that explains them; SourceError, SinkError.
    """
    page = report or out.with_suffix(".html")
    check_name(out, mount=height is not None)
    if page.resolve() == out.resolve():
        raise PerceptionError(
            f"{out}: expected a place of its own for the page about the camera, got that of the camera; "
            "choose another --report or --out"
        )
    keep_apart([out, page], [source])
    for path in (out, page):
        if path.exists() and not overwrite:
            raise PerceptionError(
                f"{path}: expected a new file, got one that exists; --overwrite replaces it"
            )
    found = _found(source, board)
    above = CameraModel.height if height is None else height
    made = fit(found.views, found.size, FISHEYE if fisheye else PINHOLE, above)
    write_camera(made.camera, out, height is not None)
    write_report(page, redacted(source), found, made)
    _show(found, made, board, terminal())
    terminal().print(f"{escape(str(out))}; the page about it: {escape(str(page))}", soft_wrap=True)
    return made


def _found(source: str, board: Board) -> Search:
    with closing(open_source(source)) as frames, _progress() as show:
        return search(frames, board, frames.images, show)


@contextmanager
def _progress() -> Iterator[Callable[[Search], None]]:
    parts = (SpinnerColumn(), TextColumn("{task.description}"))
    with Progress(*parts, console=terminal(stderr=True), transient=True) as bar:
        line = bar.add_task("looking for the board", total=None)

        def show(found: Search) -> None:
            bar.update(line, description=f"{found.pictures} pictures, {len(found.views)} views of the board")

        yield show


def _show(found: Search, made: Fit, board: Board, console: Console) -> None:
    camera, sigma, spread = made.camera, sigmas(made), sigma_map(made)
    seen = found.pictures - len(found.without) - len(found.odd)
    lines = [
        f"{board}: found in {seen} of {found.pictures} pictures, {len(made.views)} used",
        f"rms {made.rms:.2f} px",
        f"focal length {camera.fx:.1f} ± {sigma['fx']:.1f}, {camera.fy:.1f} ± {sigma['fy']:.1f} px",
        f"centre {camera.cx:.1f} ± {sigma['cx']:.1f}, {camera.cy:.1f} ± {sigma['cy']:.1f} px",
        f"uncertainty of a projected point: median {np.nanmedian(spread):.1f} px, at most "
        f"{np.nanmax(spread):.1f} px",
    ]
    if made.dropped:
        names = ", ".join(f"{name} ({rms:.1f} px)" for name, rms in made.dropped)
        lines.insert(2, f"left out, as they do not fit: {names}; with them rms {made.first_rms:.2f} px")
    lines += [f"left out, as they are blurred: {', '.join(found.blurred)}"] if found.blurred else []
    lines += [f"left out, as they repeat another: {', '.join(found.alike)}"] if found.alike else []
    lines += [f"left out, as they are of another size: {', '.join(found.odd)}"] if found.odd else []
    missing = empty_parts(made.views)
    lines += [f"no board was in these parts: {', '.join(missing)}; add views there"] if missing else []
    for line in lines:
        console.print(line, soft_wrap=True, highlight=False, markup=False)

"""The pictures of README.md and docs/, each by one command.

python -m tools.figures training --run DIR       docs/figures/training.png, from a run's log.csv
python -m tools.figures overview [--bundle DIR]  docs/figures/overview.jpg, rendered scenes with what is seen
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from contextlib import closing
from io import BytesIO
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from perception.errors import DataError
from perception.interfaces import Task
from perception.load import load
from perception.pipeline import Pipeline
from perception.sinks.files import write_whole
from perception.synthetic import World, default_camera
from perception.types import Size

FOLDER = Path(__file__).parents[1] / "docs" / "figures"
TITLES = {  # of log.csv -> what the reader sees
    "loss.detection": "objects",
    "loss.lanes": "lanes",
    "loss.drivable": "drivable area",
    "loss.signs": "signs, on crops",
    "loss.signs_grid": "signs, on the grid",
    "lr": "learning rate",
}
INK, PALE, GREY = "#1b4965", "#a9c7d8", "#5c6770"
WINDOW = 9  # rows of the log: the dark line is their mean
VIEWS = ((1_002_028, 10.0), (1_002_014, 10.0), (1_002_046, 10.0), (1_002_016, 10.0))  # world, seconds
VIEW: Size = (800, 450)  # of one picture of the overview
COLUMNS, GAP = 2, 4
LARGEST = 250_000  # bytes

app = typer.Typer(add_completion=False, help=__doc__)

Curves = Mapping[str, tuple[Sequence[int], Sequence[float]]]  # name -> steps, values


@app.command()
def training(
    run: Annotated[Path, typer.Option(help="Folder of a training run, with log.csv.")],
    out: Annotated[Path, typer.Option(help="PNG file.")] = FOLDER / "training.png",
) -> None:
    """Loss of each task and learning rate over the steps of a run."""
    write_whole(out, draw(read(run / "log.csv")))


@app.command()
def overview(
    bundle: Annotated[Path | None, typer.Option(help="Model bundle. Default: the shipped one.")] = None,
    out: Annotated[Path, typer.Option(help="JPEG file.")] = FOLDER / "overview.jpg",
) -> None:
    """Rendered scenes with everything a bundle sees in them, on one sheet."""
    with closing(load(bundle, threads=1)) as pipeline:
        pictures = [seen(pipeline, pipeline.tasks, world, t) for world, t in VIEWS]
    write_whole(out, jpeg(sheet(pictures), LARGEST))


def read(path: Path) -> Curves:
    """Rows `step, name, value`. Where a resumed run wrote a step again, the later row counts.

    Raises DataError.
    """
    found: dict[str, dict[int, float]] = {}
    try:
        with path.open(newline="") as file:
            for step, name, value in csv.reader(file):
                found.setdefault(name, {})[int(step)] = float(value)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: expected rows of step, name, value; got {error}") from error
    ordered = {name: sorted(rows.items()) for name, rows in found.items()}
    return {
        name: ([step for step, _ in rows], [value for _, value in rows]) for name, rows in ordered.items()
    }


def draw(curves: Curves) -> bytes:
    """PNG: one small panel for each of TITLES that the run has."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    shown = [name for name in TITLES if name in curves]
    figure = Figure(figsize=(9, 4.6), dpi=180, layout="constrained")
    FigureCanvasAgg(figure)
    for panel, name in zip(figure.subplots(2, 3).flat, (*shown, *[""] * 6), strict=False):
        if not name:
            panel.axis("off")
            continue
        steps, values = curves[name]
        thousands, noisy = np.array(steps) / 1000, name.startswith("loss.")
        if noisy:
            panel.plot(thousands, values, color=PALE, linewidth=1)
        panel.plot(thousands, smoothed(values) if noisy else values, color=INK, linewidth=1.6)
        panel.set_title(TITLES[name], loc="left", fontsize=10, color=INK, fontweight="bold")
        panel.set_xlabel("thousand steps", fontsize=8, color=GREY)
        panel.set_ylim(bottom=0)
        panel.set_xlim(left=0)
        panel.tick_params(labelsize=8, colors=GREY, length=2)
        panel.grid(axis="y", color="#e3e8ec", linewidth=0.7)
        panel.spines[["top", "right", "left"]].set_visible(False)
        panel.spines["bottom"].set_color("#b9c2c9")
    buffer = BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def smoothed(values: Sequence[float]) -> np.ndarray:
    """(n,) the mean of WINDOW values around each; near the ends of those that there are."""
    window = np.ones(min(WINDOW, len(values)))
    return np.convolve(values, window, "same") / np.convolve(np.ones(len(values)), window, "same")


def seen(pipeline: Pipeline, tasks: Sequence[Task], world: int, t: float) -> np.ndarray:
    """(h, w, 3) uint8: a rendered moment with the overlay of every task."""
    frame = World(world, default_camera(VIEW)).render(t).frame
    scene, canvas = pipeline(frame), frame.image.copy()
    for task in tasks:
        task.draw(canvas, scene)
    return canvas


def sheet(pictures: Sequence[np.ndarray]) -> np.ndarray:
    """All pictures in one, COLUMNS in a row, with white between them."""
    edged = [cv2.copyMakeBorder(p, 0, GAP, 0, GAP, cv2.BORDER_CONSTANT, value=(255,) * 3) for p in pictures]
    edged += [np.full_like(edged[0], 255)] * (-len(edged) % COLUMNS)
    rows = [np.hstack(edged[i : i + COLUMNS]) for i in range(0, len(edged), COLUMNS)]
    return np.vstack(rows)[:-GAP, :-GAP]


def jpeg(picture: np.ndarray, largest: int) -> bytes:
    """JPEG of the best quality that needs at most `largest` bytes, but of no less than 30."""
    for quality in range(92, 30, -4):
        data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
        if len(data) <= largest:
            break
    return data


if __name__ == "__main__":
    app()

"""Pictures to look at: what was seen beside what people labelled, worst first.

    python -m perception.evaluation.gallery --data DIR --out DIR [--split val] [--bundle DIR] [--each 6]

Writes `gallery.html`, one self-contained page, and `SET.png`, a contact sheet for each set. The pictures are
those of the data: keep them where the data may be.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from perception.evaluation import data
from perception.evaluation.data import Dataset, Sample
from perception.evaluation.measure import measure_dataset
from perception.interfaces import Task
from perception.load import load
from perception.pipeline import Pipeline
from perception.sinks.files import write_whole
from perception.sinks.overlay import caption
from perception.tasks import detection, lanes, signs
from perception.types import ClassMap, Frame, Scene

WIDTH = 480  # of a picture, pixels
COLUMNS = 2  # pairs in a row of a contact sheet
QUALITY = 82  # of the JPEGs
PAINT = (60, 60, 255)  # labelled lane paint, BGR
VOID = (128, 128, 128)  # what the labels leave open


@dataclass(frozen=True)
class Pair:
    """One picture twice: as labelled and as seen."""

    set: str
    name: str
    figures: dict[str, float]  # of this picture alone
    picture: np.ndarray  # (h, 2 * WIDTH, 3) uint8 BGR

    @property
    def worth(self) -> float:
        """The mean of the picture's figures: low is bad."""
        return float(np.mean(list(self.figures.values()))) if self.figures else 1.0


def gallery(
    folder: Annotated[Path, typer.Option("--data", help="Folder of labelled pictures.")],
    out: Annotated[Path, typer.Option(help="Folder for the page and the sheets.")],
    split: str = "val",
    bundle: Path | None = None,
    precision: str = "int8",
    each: Annotated[int, typer.Option(help="Pictures of each kind, evenly spaced.")] = 6,
) -> None:
    """Write a page and contact sheets of pictures as labelled and as seen."""
    dataset = data.read(folder, split, lanes.CLASSES).thinned(each)
    with closing(load(bundle, precision=precision)) as pipeline:
        pairs = worst_first(look(pipeline, dataset))
    write(pairs, out)


def look(pipeline: Pipeline, dataset: Dataset) -> Iterator[Pair]:
    """See every picture of `dataset` and paint it twice. Raises DataError."""
    for sample in dataset.samples:
        frame = Frame(data.read_image(sample.image), 0, 0, str(sample.image))
        seen = pipeline(frame)
        figures = _figures(seen, replace(dataset, samples=(sample,), crops=()))
        told = paint_truth(frame, sample, pipeline.tasks)
        pair = np.hstack([_sized(told), _sized(painted(frame, seen, pipeline.tasks))])
        yield Pair(_set(sample), sample.image.stem, figures, pair)


def worst_first(pairs: Iterable[Pair]) -> list[Pair]:
    """Set by set."""
    return sorted(pairs, key=lambda pair: (pair.set, pair.worth))


def write(pairs: Sequence[Pair], out: Path) -> None:
    """`gallery.html` and a sheet for each set. Raises SinkError."""
    write_whole(out / "gallery.html", page(pairs).encode())
    for name in dict.fromkeys(pair.set for pair in pairs):
        picture = sheet([pair for pair in pairs if pair.set == name])
        write_whole(out / f"{name}.png", cv2.imencode(".png", picture)[1].tobytes())


def painted(frame: Frame, scene: Scene, tasks: Iterable[Task]) -> np.ndarray:
    canvas = frame.image.copy()
    for task in tasks:
        task.draw(canvas, scene)
    return canvas


def paint_truth(frame: Frame, sample: Sample, tasks: Iterable[Task]) -> np.ndarray:
    """The labels of a picture in the colours of the tasks; lane paint red, open regions grey."""
    scene = Scene(frame.seq, frame.stamp_ns, frame.size, lanes=sample.lines)
    if sample.boxes is not None:
        boxes = sample.boxes.detections(detection.CLASSES, frame.size)
        scene = replace(
            scene, detections=boxes[boxes.score > 0], signs=sample.boxes.signs(len(signs.CLASSES))
        )
    if sample.mask is None:
        return painted(frame, scene, tasks)
    labels = sample.mask.drivable().labels
    canvas = painted(
        frame, replace(scene, drivable=ClassMap((labels == 1).astype(np.uint8), frame.size)), tasks
    )
    canvas[labels == data.VOID] = VOID
    paint = sample.mask.lanes()
    if paint is not None:
        canvas[paint == 1] = PAINT
    return canvas


def page(pairs: Iterable[Pair]) -> str:
    """One HTML page with everything in it."""
    parts = [
        "<!doctype html><meta charset=utf-8><title>labelled and seen</title>",
        "<style>body{font:14px sans-serif;background:#222;color:#ddd}img{max-width:100%}</style>",
        "<h1>Labelled (left) and seen (right), worst first</h1>",
    ]
    for pair in pairs:
        figures = ", ".join(f"{name} {value:.2f}" for name, value in pair.figures.items())
        image = b64encode(jpeg(pair.picture)).decode()
        text = f"<b>{escape(pair.set)}/{escape(pair.name)}</b> {escape(figures)}"
        parts.append(
            f"<figure><figcaption>{text}</figcaption><img src='data:image/jpeg;base64,{image}'></figure>"
        )
    return "\n".join(parts)


def sheet(pairs: Sequence[Pair]) -> np.ndarray:
    """All pairs in one picture, named, COLUMNS in a row; (h, w, 3) uint8."""
    height = max(pair.picture.shape[0] for pair in pairs)
    cells = [_cell(pair, height) for pair in pairs]
    cells += [np.zeros_like(cells[0])] * (-len(cells) % COLUMNS)
    return np.vstack([np.hstack(cells[i : i + COLUMNS]) for i in range(0, len(cells), COLUMNS)])


def jpeg(picture: np.ndarray) -> bytes:
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


def _figures(seen: Scene, alone: Dataset) -> dict[str, float]:
    """The metrics of one picture."""
    metrics = measure_dataset(lambda frame: seen, alone).metrics
    return {name: value for name, value in metrics.items() if not name.startswith("detection.all.")}


def _cell(pair: Pair, height: int) -> np.ndarray:
    picture = pair.picture.copy()
    caption(picture, f"{pair.name} {pair.worth:.2f}")
    return cv2.copyMakeBorder(picture, 0, height - picture.shape[0] + 4, 0, 4, cv2.BORDER_CONSTANT)


def _sized(picture: np.ndarray) -> np.ndarray:
    height = max(1, round(picture.shape[0] * WIDTH / picture.shape[1]))
    return cv2.resize(picture, (WIDTH, height), interpolation=cv2.INTER_AREA)


def _set(sample: Sample) -> str:
    if sample.mask is not None:
        return sample.mask.set
    return sample.boxes.set if sample.boxes is not None else "drawn"


if __name__ == "__main__":
    typer.run(gallery)

"""Pictures to look at: what was seen beside what people labelled, worst first.

    python -m perception.evaluation.gallery --data DIR --out DIR [--split val] [--bundle DIR] [--each 6]

Writes `gallery.html`, one self-contained page, and `SET.png`, a contact sheet for each set. The pictures are
those of the data: keep them where the data may be.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer

from perception.evaluation.judge import judged
from perception.evaluation.observe import Observer
from perception.evaluation.records import ALL, metrics
from perception.evaluation.report import html
from perception.evaluation.report.pictures import jpeg, paint_truth, painted, sized
from perception.labels.folder import Dataset, read_folder
from perception.labels.own import pictures
from perception.load import load
from perception.pipeline import Pipeline
from perception.sinks.files import write_whole
from perception.sinks.overlay import caption
from perception.tasks import lanes

WIDTH = 480  # of a picture, pixels
COLUMNS = 2  # pairs in a row of a contact sheet


@dataclass(frozen=True)
class Pair:
    """One picture twice: as labelled and as seen."""

    set: str
    name: str
    metrics: dict[str, float]  # of this picture alone
    picture: np.ndarray  # (h, 2 * WIDTH, 3) uint8 BGR

    @property
    def worth(self) -> float:
        """The mean of the picture's metrics: low is bad."""
        return float(np.mean(list(self.metrics.values()))) if self.metrics else 1.0


def gallery(
    folder: Annotated[Path, typer.Option("--data", help="Folder of labelled pictures.")],
    out: Annotated[Path, typer.Option(help="Folder for the page and the sheets.")],
    split: str = "val",
    bundle: Path | None = None,
    precision: str = "int8",
    each: Annotated[int, typer.Option(help="Pictures of each kind, evenly spaced.")] = 6,
) -> None:
    """Write a page and contact sheets of pictures as labelled and as seen."""
    dataset = read_folder(folder, split, lanes.CLASSES).thinned(each)
    with closing(load(bundle, precision=precision)) as pipeline:
        pairs = worst_first(look(pipeline, dataset))
    write(pairs, out)


def look(pipeline: Pipeline, dataset: Dataset) -> Iterator[Pair]:
    """See every picture of `dataset` and paint it twice. Raises DataError."""
    observer = Observer(pipeline)
    for number, picture in enumerate(pictures(dataset)):
        frame, truth = picture.read(number)
        seen, unsure = observer(frame)
        found = metrics([judged(frame, truth, seen, unsure, observer, detail=False)])
        alone = {name: value for name, value in found.items() if not name.startswith(f"{ALL}.")}
        both = [paint_truth(frame, truth, pipeline.tasks), painted(frame, seen, pipeline.tasks)]
        pair = np.hstack([sized(canvas, WIDTH) for canvas in both])
        yield Pair(picture.sample.set, picture.sample.image.stem, alone, pair)


def worst_first(pairs: Iterable[Pair]) -> list[Pair]:
    """Set by set."""
    return sorted(pairs, key=lambda pair: (pair.set, pair.worth))


def write(pairs: Sequence[Pair], out: Path) -> None:
    """`gallery.html` and a sheet for each set. Raises SinkError."""
    write_whole(out / "gallery.html", page(pairs).encode())
    for name in dict.fromkeys(pair.set for pair in pairs):
        picture = sheet([pair for pair in pairs if pair.set == name])
        write_whole(out / f"{name}.png", cv2.imencode(".png", picture)[1].tobytes())


def page(pairs: Iterable[Pair]) -> str:
    """One HTML page with everything in it."""
    parts = []
    for pair in pairs:
        note = ", ".join(f"{name} {value:.2f}" for name, value in pair.metrics.items())
        images = {"labelled (left) and seen (right)": jpeg(pair.picture, 2 * WIDTH)}
        parts.append(html.pictures(f"{pair.set}/{pair.name}", note, images))
    return html.page("Labelled (left) and seen (right), worst first", parts)


def sheet(pairs: Sequence[Pair]) -> np.ndarray:
    """All pairs in one picture, named, COLUMNS in a row; (h, w, 3) uint8."""
    height = max(pair.picture.shape[0] for pair in pairs)
    cells = [_cell(pair, height) for pair in pairs]
    cells += [np.zeros_like(cells[0])] * (-len(cells) % COLUMNS)
    return np.vstack([np.hstack(cells[i : i + COLUMNS]) for i in range(0, len(cells), COLUMNS)])


def _cell(pair: Pair, height: int) -> np.ndarray:
    picture = pair.picture.copy()
    caption(picture, f"{pair.name} {pair.worth:.2f}")
    return cv2.copyMakeBorder(picture, 0, height - picture.shape[0] + 4, 0, 4, cv2.BORDER_CONSTANT)


if __name__ == "__main__":
    typer.run(gallery)

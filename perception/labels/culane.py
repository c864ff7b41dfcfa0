"""CULane (Pan et al. 2018): `PICTURE.lines.txt` beside each picture, and `list/` of what belongs together.

Each line of a label file is a lane line, `x y x y ...`. The lists in `list/test_split` become tags,
`scene:night`. The kinds of lines are not told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perception.errors import DataError
from perception.labels.labelled import VAL, Asked, Labelled, Stills, file_name, split_place
from perception.labels.record import Record
from perception.labels.rows import check_places, fault, open_text
from perception.labels.tally import Tally
from perception.labels.truth import CULANE, DRAWN
from perception.types import LaneLine

SET = "culane"
LISTS = {"train": "list/train.txt"}  # by split
LIST = "list/test.txt"
LABELS = ".lines.txt"
GONE = "listed pictures lack the picture or its .lines.txt: left out"


@dataclass(frozen=True)
class LinesFile:
    """The lines of a label file (`record.Lines`), read when they are asked for."""

    path: Path
    rules: tuple[str, ...] = (DRAWN, CULANE)
    rows: tuple[int, ...] = ()
    crossings: tuple[tuple[float, ...], ...] = ()

    def read(self) -> tuple[LaneLine, ...]:
        return read_lines(self.path)


def read_lines(path: Path) -> tuple[LaneLine, ...]:
    """Near to far; what has fewer than two points is no line. Raises DataError."""
    lines = [_line(path, i, row) for i, row in enumerate(open_text(path), 1) if row.strip()]
    return tuple(line for line in lines if len(line.image) > 1)


def _line(path: Path, number: int, row: str) -> LaneLine:
    try:
        points = np.array(row.split(), np.float64).reshape(-1, 2)
        check_places(points)
    except ValueError as error:
        raise fault(path, number, "pairs of x and y", row.strip()[:60]) from error
    points = points[np.argsort(-points[:, 1], kind="stable")]
    return LaneLine((points + 0.5).astype(np.float32), None, 1.0, 0)


def open_culane(text: str, asked: Asked = VAL) -> list[Labelled]:
    """From FOLDER[:LIST], a list of pictures in the folder. Raises DataError."""
    root, name = split_place(text, LISTS.get(asked.split, LIST))
    path = root / name
    if not path.is_file():
        found = sorted(str(other.relative_to(root)) for other in root.glob("list/**/*.txt"))
        choice = f"Choose one: {root}:{found[0]}" if found else "Unpack list.tar.gz there"
        raise DataError(f"{path}: expected a list of pictures, got {found or 'none'}. {choice}")
    scenes = _scenes(root)
    listed = [_listed(root, row, scenes) for row in open_text(path) if row.strip()]
    usable = tuple(item for item in listed if item.image.exists() and labels_of(item.image).exists())
    if not usable:
        raise DataError(f"{path}: expected pictures with {LABELS} in {root}, got none of {len(listed)}")
    tally = Tally()
    tally.left_out[GONE] += len(listed) - len(usable)
    return [Stills(file_name(f"{SET}-{Path(name).stem}"), usable, tally)]


def labels_of(image: Path) -> Path:
    return image.with_suffix(LABELS)


def _listed(root: Path, row: str, scenes: Mapping[str, str]) -> Record:
    name = row.split()[0].lstrip("/")
    scene = (f"scene:{scenes[name]}",) if name in scenes else ()
    return Record(SET, root / name, lines=LinesFile(labels_of(root / name)), tags=scene)


def _scenes(root: Path) -> dict[str, str]:
    """Picture -> night, curve and so on, from `list/test_split/test8_night.txt`."""
    found: dict[str, str] = {}
    for path in sorted(root.glob("list/test_split/*_*.txt")):
        scene = path.stem.partition("_")[2]
        found |= {row.split()[0].lstrip("/"): scene for row in open_text(path) if row.strip()}
    return found

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
from perception.evaluation.data.labelled import Labelled, Stills, file_name, split_place
from perception.evaluation.data.rows import fault, open_text, read_image
from perception.evaluation.data.truth import CULANE, DRAWN, Truth
from perception.types import Frame, LaneLine

SET = "culane"
LIST = "list/test.txt"


@dataclass(frozen=True)
class ListedPicture:
    image: Path
    tags: tuple[str, ...]

    @property
    def labels(self) -> Path:
        return self.image.with_suffix(".lines.txt")

    def read(self, seq: int) -> tuple[Frame, Truth]:
        frame = Frame(read_image(self.image), 0, seq, str(self.image))
        return frame, Truth(SET, lines=read_lines(self.labels), rules=(DRAWN, CULANE), tags=self.tags)


def read_lines(path: Path) -> tuple[LaneLine, ...]:
    """Near to far. Raises DataError."""
    return tuple(_line(path, i, row) for i, row in enumerate(open_text(path), 1) if row.strip())


def _line(path: Path, number: int, row: str) -> LaneLine:
    try:
        points = np.array(row.split(), np.float64).reshape(-1, 2)
    except ValueError as error:
        raise fault(path, number, "pairs of x and y", row.strip()[:60]) from error
    points = points[np.argsort(-points[:, 1], kind="stable")]
    return LaneLine((points + 0.5).astype(np.float32), None, 1.0, 0)


def open_culane(text: str) -> list[Labelled]:
    """From FOLDER[:LIST], a list of pictures in the folder. Raises DataError."""
    root, name = split_place(text, LIST)
    path = root / name
    if not path.is_file():
        found = sorted(str(other.relative_to(root)) for other in root.glob("list/**/*.txt"))
        raise DataError(f"{path}: expected a list of pictures, got {found}. Choose one: {root}:{LIST}")
    scenes = _scenes(root)
    pictures = [_listed(root, row, scenes) for row in open_text(path) if row.strip()]
    usable = tuple(item for item in pictures if item.image.exists() and item.labels.exists())
    if not usable:
        raise DataError(f"{path}: expected pictures with .lines.txt in {root}, got none of {len(pictures)}")
    gone = len(pictures) - len(usable)
    remarks = (f"{gone} listed pictures lack the picture or its .lines.txt: left out",) if gone else ()
    return [Stills(file_name(f"{SET}-{Path(name).stem}"), usable, remarks)]


def _listed(root: Path, row: str, scenes: Mapping[str, str]) -> ListedPicture:
    name = row.split()[0].lstrip("/")
    scene = (f"scene:{scenes[name]}",) if name in scenes else ()
    return ListedPicture(root / name, (f"set:{SET}", *scene))


def _scenes(root: Path) -> dict[str, str]:
    """Picture -> night, curve and so on, from `list/test_split/test8_night.txt`."""
    found: dict[str, str] = {}
    for path in sorted(root.glob("list/test_split/*_*.txt")):
        scene = path.stem.partition("_")[2]
        found |= {row.split()[0].lstrip("/"): scene for row in open_text(path) if row.strip()}
    return found

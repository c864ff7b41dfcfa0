"""TuSimple's lane lines (2017): JSON lines with `raw_file`, `lanes` and `h_samples`, beside `clips/`.

Of each clip only the last picture is labelled. The kinds of lines are not told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perception.errors import DataError
from perception.evaluation.data.labelled import Labelled, Stills, file_name
from perception.evaluation.data.rows import fault, json_lines, read_image
from perception.evaluation.data.truth import DRAWN, TUSIMPLE, Truth
from perception.types import Frame, LaneLine

SET = "tusimple"
FILES = ("test_label.json", "label_data_*.json", "test_tasks_*.json")  # those of the first that is there


@dataclass(frozen=True)
class RowPicture:
    image: Path
    rows: tuple[int, ...]  # y of the labelled rows
    lanes: tuple[tuple[float, ...], ...]  # x of each line at each row, negative: not there

    def read(self, seq: int) -> tuple[Frame, Truth]:
        frame = Frame(read_image(self.image), 0, seq, str(self.image))
        lines = tuple(line for xs in self.lanes if (line := line_of(xs, self.rows)) is not None)
        return frame, Truth(SET, lines=lines, rules=(DRAWN, TUSIMPLE), rows=self.rows, tags=(f"set:{SET}",))


def line_of(xs: Sequence[float], rows: Sequence[int]) -> LaneLine | None:
    """The line through the points that are there, near to far; None without one."""
    points = [(x + 0.5, y + 0.5) for x, y in zip(xs, rows, strict=True) if x >= 0]
    points.sort(key=lambda point: -point[1])
    return LaneLine(np.array(points, np.float32), None, 1.0, 0) if points else None


def open_tusimple(text: str) -> list[Labelled]:
    """From a folder or one label file. Raises DataError."""
    place = Path(text)
    root, files = (place.parent, [place]) if place.is_file() else (place, _label_files(place))
    return [_opened(root, path) for path in files]


def _label_files(folder: Path) -> list[Path]:
    for pattern in FILES:
        found = sorted(folder.glob(pattern))
        if found:
            return found
    raise DataError(f"{folder}: expected one of {', '.join(FILES)}. Is it the folder with clips/?")


def _opened(root: Path, path: Path) -> Labelled:
    items = list(_pictures(root, path))
    usable = tuple(item for item in items if item.image.exists())
    if not usable:
        raise DataError(f"{path}: expected the pictures that it names in {root}, got none of {len(items)}")
    gone = len(items) - len(usable)
    remarks = (f"{gone} labelled pictures are not in {root}: left out",) if gone else ()
    return Stills(file_name(f"{SET}-{path.stem}"), usable, remarks)


def _pictures(root: Path, path: Path) -> Iterator[RowPicture]:
    for number, row in json_lines(path):
        try:
            rows = tuple(int(y) for y in row["h_samples"])
            lanes = tuple(tuple(float(x) for x in xs) for xs in row["lanes"])
            image = root / str(row["raw_file"])
        except (KeyError, TypeError, ValueError) as error:
            raise fault(path, number, "raw_file, lanes [[x]], h_samples [y]", repr(error)) from error
        wrong = [len(xs) for xs in lanes if len(xs) != len(rows)]
        if wrong or not rows:
            raise fault(path, number, f"lanes of {len(rows)} points, one for each row", wrong)
        yield RowPicture(image, rows, lanes)

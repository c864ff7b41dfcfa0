"""TuSimple's lane lines (2017): JSON lines with `raw_file`, `lanes` and `h_samples`, beside `clips/`.

Of each clip only the last picture is labelled. The kinds of lines are not told. A line without any point
(only -2) is a true line to TuSimple's own evaluation, and so it is here by that rule; by others it is none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perception.errors import DataError
from perception.labels.labelled import VAL, Asked, Labelled, Stills, file_name
from perception.labels.record import Record
from perception.labels.rows import check_places, fault, json_lines
from perception.labels.tally import Tally
from perception.labels.truth import DRAWN, TUSIMPLE
from perception.types import LaneLine

SET = "tusimple"
LEARN = "label_data*.json"
FILES = {"val": ("test_label.json", LEARN), "train": (LEARN,)}  # those of the first that is there
EMPTY = "lane lines have fewer than two points: no line can be drawn of them"
GONE = "labelled pictures are not in {}: left out"


@dataclass(frozen=True)
class RowLines:
    """Lines at labelled rows (`record.Lines`)."""

    rows: tuple[int, ...]  # y
    crossings: tuple[tuple[float, ...], ...]  # x of each line at each row, negative: not there
    rules: tuple[str, ...] = (DRAWN, TUSIMPLE)

    def read(self) -> tuple[LaneLine, ...]:
        return tuple(line for xs in self.crossings if (line := line_of(xs, self.rows)) is not None)


def line_of(xs: Sequence[float], rows: Sequence[int]) -> LaneLine | None:
    """The line through the points that are there, near to far; None with fewer than two."""
    points = [(x + 0.5, y + 0.5) for x, y in zip(xs, rows, strict=True) if x >= 0]
    points.sort(key=lambda point: -point[1])
    return LaneLine(np.array(points, np.float32), None, 1.0, 0) if len(points) > 1 else None


def open_tusimple(text: str, asked: Asked = VAL) -> list[Labelled]:
    """From a folder or one label file. Raises DataError."""
    place = Path(text)
    root, files = (place.parent, [place]) if place.is_file() else (place, _label_files(place, asked.split))
    return [_opened(root, path) for path in files]


def _label_files(folder: Path, split: str) -> list[Path]:
    patterns = FILES.get(split, FILES["val"])
    for pattern in patterns:
        found = sorted(folder.glob(pattern))
        if found:
            return found
    expected = f"{folder}: expected {' or '.join(patterns)}"
    others = sorted(path.name for path in folder.glob("*.json"))
    if others:
        raise DataError(f"{expected}, got {', '.join(others)}. Put the label files there, or name one")
    raise DataError(f"{expected}, got no label file. Is it the folder with clips/?")


def _opened(root: Path, path: Path) -> Labelled:
    items, tally = [], Tally()
    for image, lines in _pictures(root, path):
        if image.exists():
            items.append(Record(SET, image, lines=lines))
            tally.left_out[EMPTY] += len(lines.crossings) - len(lines.read())
        else:
            tally.left_out[GONE.format(root)] += 1
    if not items:
        count = tally.left_out.total()
        raise DataError(f"{path}: expected the pictures that it names in {root}, got none of {count}")
    if not any(record.lines.crossings for record in items if record.lines is not None):
        raise DataError(
            f"{path}: expected lane lines, got none in {len(items)} pictures: it lists what is to be "
            "predicted. Put test_label.json beside it"
        )
    return Stills(file_name(f"{SET}-{path.stem}"), tuple(items), tally)


def _pictures(root: Path, path: Path) -> Iterator[tuple[Path, RowLines]]:
    for number, row in json_lines(path):
        try:
            rows = tuple(int(y) for y in row["h_samples"])
            lanes = tuple(tuple(float(x) for x in xs) for xs in row["lanes"])
            check_places(np.array([*rows, *(x for xs in lanes for x in xs)]))
            image = root / str(row["raw_file"])
        except (KeyError, TypeError, ValueError) as error:
            raise fault(path, number, "raw_file, lanes [[x]], h_samples [y]", repr(error)) from error
        wrong = [len(xs) for xs in lanes if len(xs) != len(rows)]
        if wrong or not rows:
            raise fault(path, number, f"lanes of {len(rows)} points, one for each row", wrong)
        yield image, RowLines(rows, lanes)

"""`signs.csv`: crops with one traffic sign each, its class and its box in the crop.

The class is a name, or a number in the order of `perception.tasks.signs.CLASSES`, which is GTSRB's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perception.errors import DataError
from perception.labels.rows import corners, csv_rows, fault
from perception.tasks.signs import CLASSES
from perception.types import Signs, Size

FILE = "signs.csv"


@dataclass(frozen=True)
class SignCrop:
    image: Path
    split: str
    name: str  # of its class; empty: none that is known
    xyxy: tuple[float, float, float, float]  # of the sign, pixels of the crop
    outside: str = ""  # it is no sign of a known class but of this kind (`perception.labels.outside`)

    def signs(self, classes: Sequence[str]) -> Signs:
        """Truth in those classes; score 0: none of them. Raises DataError if the model lacks the class."""
        if self.outside:
            return Signs(np.array([self.xyxy], np.float32), np.zeros(1, np.int32), np.zeros(1, np.float32))
        return Signs(
            np.array([self.xyxy], np.float32), np.array([self.id(classes)], np.int32), np.ones(1, np.float32)
        )

    def check_size(self, size: Size) -> None:
        """Raises DataError if the sign lies outside its picture by more than is rounded."""
        x1, y1, x2, y2 = self.xyxy
        if not self.outside and (min(x1, y1) < -1 or x2 > size[0] + 1 or y2 > size[1] + 1):
            raise DataError(
                f"{self.image}: expected a sign in its {size[0]} x {size[1]} pixels, got {self.xyxy}. "
                f"Mend its line of {FILE}"
            )

    def id(self, classes: Sequence[str]) -> int:
        """The place of its class among `classes`. Raises DataError if it is none of them."""
        if self.name not in classes:
            listed = ", ".join(classes[:4])
            raise DataError(
                f"{self.image}: expected one of {len(classes)} sign classes ({listed}, ...), got "
                f"{self.name!r}. Mend {FILE}, or choose a bundle that has it"
            )
        return classes.index(self.name)


def read(root: Path) -> Iterator[SignCrop]:
    """Every row. Raises DataError."""
    path = root / FILE
    if not path.exists():
        return
    for line, row in csv_rows(path, ("path", "split", "class", "x1", "y1", "x2", "y2")):
        yield _crop(root, line, row)


def _crop(root: Path, line: int, row: dict[str, str]) -> SignCrop:
    try:
        xyxy = corners([row[key] for key in ("x1", "y1", "x2", "y2")])
        return SignCrop(root / row["path"], row["split"], _name(row["class"]), xyxy)
    except ValueError as error:
        raise fault(root / FILE, line, "a class and a box", str(error)) from error


def _name(text: str) -> str:
    """The number of a class in GTSRB's order, or its name. Raises ValueError."""
    if not text.lstrip("-").isdecimal():
        return text
    if not 0 <= int(text) < len(CLASSES):
        raise ValueError(f"class {text}, which is none of 0 to {len(CLASSES) - 1}")
    return CLASSES[int(text)]

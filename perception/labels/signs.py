"""`signs.csv`: crops with one traffic sign each, its class and its box in the crop."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from perception.errors import DataError
from perception.labels.rows import csv_rows, fault
from perception.types import Signs

FILE = "signs.csv"


@dataclass(frozen=True)
class SignCrop:
    image: Path
    split: str
    class_id: int  # GTSRB
    xyxy: tuple[float, float, float, float]  # of the sign, pixels of the crop
    outside: str = ""  # it is no sign of a known class but of this kind (`perception.labels.outside`)

    def signs(self, classes: int) -> Signs:
        """Truth for so many classes; score 0: none of them. Raises DataError if the model lacks the class."""
        if self.outside:
            return Signs(np.array([self.xyxy], np.float32), np.zeros(1, np.int32), np.zeros(1, np.float32))
        if not 0 <= self.class_id < classes:
            raise DataError(f"{self.image}: expected a sign class below {classes}, got {self.class_id}")
        box, class_id = np.array([self.xyxy], np.float32), np.array([self.class_id], np.int32)
        return Signs(box, class_id, np.ones(1, np.float32))


def read(root: Path) -> Iterator[SignCrop]:
    """Every row. Raises DataError."""
    path = root / FILE
    if not path.exists():
        return
    for line, row in csv_rows(path, ("path", "split", "class", "x1", "y1", "x2", "y2")):
        yield _crop(root, line, row)


def _crop(root: Path, line: int, row: dict[str, str]) -> SignCrop:
    try:
        x1, y1, x2, y2 = (float(row[key]) for key in ("x1", "y1", "x2", "y2"))
        return SignCrop(root / row["path"], row["split"], int(row["class"]), (x1, y1, x2, y2))
    except ValueError as error:
        raise fault(root / FILE, line, "a class id and a box", str(error)) from error

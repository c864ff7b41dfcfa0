"""`brazil_lanes/`: roads with cracks, patches and tar on which nothing may be taken for a lane line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from perception.errors import DataError
from perception.labels.masks import PAINT, mask_of
from perception.labels.rows import csv_rows
from perception.types import VOID

SET, FOLDER = "brazil", "brazil_lanes"


@dataclass(frozen=True)
class PaintLabels:
    """A mask of lane lines whose 0 is certain to be no paint."""

    set: str
    path: Path

    def lanes(self) -> np.ndarray:
        """(H, W) uint8: 1 lane line, 255 not judged, 0 trusted to be none. Raises DataError."""
        mask = mask_of(self.path)
        values = np.unique(mask).tolist()
        if not set(values) <= {0, PAINT, VOID}:
            raise DataError(f"{self.path}: expected the values [0, {PAINT}, {VOID}], got {values}")
        return mask


def read(root: Path) -> Iterator[tuple[str, str, str, PaintLabels]]:
    """(field of a sample, image, split, label) of every picture. Raises DataError."""
    path = root / FOLDER / "brazil.csv"
    if not path.exists():
        return
    for _, row in csv_rows(path, ("img", "split")):
        mask = root / FOLDER / "lanes" / f"{PurePosixPath(row['img']).stem}.png"
        yield "paint", row["img"], row["split"], PaintLabels(SET, mask)

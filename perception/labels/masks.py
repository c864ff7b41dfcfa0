"""Masks of the drivable area, one CSV file a family.

Two forms. `NAME.csv` with `name, split`: pictures in `NAME/images`, masks in `NAME/masks`, lane paint, where
there is any, in `NAME/lanes`; the set is `NAME`. Any CSV file with `img, mask, split`: paths, and the set is
the folder above `images/`. What the values of a mask mean is known for `camvid` and `idd`; all others are
1 drivable, 0 not, 255 void.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from perception.errors import DataError
from perception.labels.boxes import set_name
from perception.labels.rows import csv_rows, header, read_image
from perception.types import VOID, ClassMap, Size

PAINT, UNSURE = 1, (2, 255)  # in a lane mask: lane paint; other paint and void


@dataclass(frozen=True)
class Values:
    """What the values of a mask mean."""

    drivable: tuple[int, ...] = (1,)
    other: tuple[int, ...] = (0,)
    void: tuple[int, ...] = (255,)


BINARY = Values()
KNOWN = {
    "camvid": Values((3,), (0, 1, 2, 4, 5, 6, 7, 8, 9, 10), (11, 255)),
    "idd": Values((0,), (1, 2, 3, 4, 5, 6), (255,)),
}


@dataclass(frozen=True)
class MaskLabels:
    """The masks of one image."""

    set: str
    path: Path
    values: Values = BINARY
    paint: Path | None = None

    def drivable(self) -> ClassMap:
        """0 not drivable, 1 drivable, 255 not judged, at the mask's own size. Raises DataError."""
        mask = mask_of(self.path)
        table = np.full(256, 99, np.uint8)
        for label, values in enumerate((self.values.other, self.values.drivable)):
            table[list(values)] = label
        table[list(self.values.void)] = VOID
        labels = table[mask]
        if (labels == 99).any():
            known = sorted((*self.values.other, *self.values.drivable, *self.values.void))
            raise DataError(f"{self.path}: expected the values {known}, got {np.unique(mask).tolist()}")
        return ClassMap(labels, (mask.shape[1], mask.shape[0]))

    def area(self, size: Size) -> ClassMap:
        """The same, of a picture of `size`, whatever that of the mask."""
        return self.drivable()

    def lanes(self) -> np.ndarray | None:
        """(H, W) uint8: 1 lane paint, 255 not judged (other paint, void), 0 no paint seen."""
        if self.paint is None:
            return None
        mask = mask_of(self.paint)
        return np.where(mask == PAINT, 1, np.where(np.isin(mask, UNSURE), VOID, 0)).astype(np.uint8)


def read(root: Path) -> Iterator[tuple[str, str, MaskLabels]]:
    """(image, split, labels) of every row of every CSV file of the two forms. Raises DataError."""
    for path in sorted(root.glob("*.csv")):
        columns = set(header(path))
        if {"img", "mask"} <= columns:
            yield from _by_path(root, path)
        elif "name" in columns and (root / path.stem / "masks").is_dir():
            yield from _by_name(root, path)


def _by_path(root: Path, path: Path) -> Iterator[tuple[str, str, MaskLabels]]:
    for _, row in csv_rows(path, ("img", "mask", "split")):
        folders = PurePosixPath(row["img"]).parts
        name = folders[-3] if len(folders) > 2 else path.stem
        yield row["img"], row["split"], MaskLabels(set_name(name), root / row["mask"])


def _by_name(root: Path, path: Path) -> Iterator[tuple[str, str, MaskLabels]]:
    family = path.stem
    values = KNOWN.get(family, BINARY)
    for _, row in csv_rows(path, ("name", "split")):
        paint = root / family / "lanes" / f"{row['name']}.png"
        labels = MaskLabels(
            set_name(family),
            root / family / "masks" / f"{row['name']}.png",
            values,
            paint if paint.exists() else None,
        )
        yield _image(root, f"{family}/images/{row['name']}"), row["split"], labels


def _image(root: Path, stem: str) -> str:
    names = [stem + ending for ending in (".jpg", ".png", ".jpeg")]
    return next((name for name in names if (root / name).exists()), names[0])


def mask_of(path: Path) -> np.ndarray:
    """(H, W) uint8 of an image file. Raises DataError."""
    mask = read_image(path, cv2.IMREAD_UNCHANGED)
    if mask.ndim == 3 and (mask == mask[..., :1]).all():  # grey, saved as a colour picture
        mask = mask[..., 0]
    if mask.ndim != 2 or mask.dtype != np.uint8:
        raise DataError(f"{path}: expected a mask of 8-bit class ids, got {mask.dtype} {mask.shape}")
    return mask

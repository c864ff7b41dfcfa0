"""Masks of classes: Cityscapes' label PNGs (Cordts et al. 2016), or a folder of pictures and masks.

`leftImg8bit/SPLIT/CITY` with `gtFine/SPLIT/CITY/*_labelIds.png` or `*_labelTrainIds.png`; or `images[/SPLIT]`
with masks of the same names in `masks[/SPLIT]`. What the values of the latter mean is told by `classes.csv`
(`value,name`); without it, 1 is drivable, 0 is not, and 255 is void, or drivable if no value but 0 and 255 is
there. Learnt and judged is the drivable area.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from perception.errors import DataError
from perception.labels.classes import plain
from perception.labels.foreign import no_split, picture_names
from perception.labels.labelled import VAL, Asked, Labelled, Stills, file_name, split_place
from perception.labels.masks import BINARY, MaskLabels, Values, mask_of
from perception.labels.record import Record
from perception.labels.rows import csv_rows, fault
from perception.labels.tally import Tally

SET = "masks"
TABLE = "classes.csv"
SPLITS = frozenset(("train", "training", "val", "valid", "validation", "test", "testing"))
FOLDERS = ("masks", "labels", "annotations", "gt")
DRIVABLE = ("road", "drivable", "drivable area", "driveable", "driveable area", "lane", "street")
VOID = ("void", "ignore", "unlabeled", "unlabelled", "unknown", "ego vehicle", "out of roi")
BLACK_AND_WHITE = Values((255,), (0,), ())
CITYSCAPES = {  # ending of a mask -> its values; of `labelIds` 0 to 6 are void, 255 stands for -1
    "_labelTrainIds.png": Values((0,), tuple(range(1, 19)), (255,)),
    "_labelIds.png": Values((7,), tuple(range(8, 34)), (*range(7), 255)),
}
LOOKED = 24  # masks that tell which values there are
BARE = "pictures lack their mask: left out"
Pair = tuple[Path, Path]


def open_masks(text: str, asked: Asked = VAL) -> list[Labelled]:
    """From FOLDER[:SPLIT]. Raises DataError."""
    folder, split = split_place(text, asked.split)
    tally = Tally()
    if (folder / "leftImg8bit").is_dir():
        pairs, values = _cityscapes(folder, split, tally)
    else:
        pairs = list(_pairs(folder, split, tally))
        values = _values(folder, [mask for _, mask in pairs], tally) if pairs else BINARY
    if not pairs:
        raise DataError(
            f"{folder}: expected images/ and masks/ with files of the same names, or leftImg8bit/ and "
            f"gtFine/ of the split {split!r}, got none. Check the folder and the split"
        )
    items = tuple(Record(SET, image, drivable=MaskLabels(SET, mask, values)) for image, mask in pairs)
    return [Stills(file_name(f"{folder.resolve().name}-{split}"), items, tally)]


def _cityscapes(folder: Path, split: str, tally: Tally) -> tuple[list[Pair], Values]:
    images = folder / "leftImg8bit" / split
    for ending, values in CITYSCAPES.items():
        pairs = []
        for name in sorted(picture_names(images)):
            stem = name.rpartition("_leftImg8bit")[0]
            masks = [folder / kind / split / f"{stem}_{kind}{ending}" for kind in ("gtFine", "gtCoarse")]
            pairs += [(images / name, mask) for mask in masks if mask.is_file()][:1]
        if pairs:
            tally.left_out[BARE] += len(picture_names(images)) - len(pairs)
            return pairs, values
    return [], BINARY


def _pairs(folder: Path, split: str, tally: Tally) -> Iterator[Pair]:
    images = _of_split(folder / "images", split)
    kind = next((name for name in FOLDERS if (folder / name).is_dir()), FOLDERS[0])
    masks = _of_split(folder / kind, split)
    by_stem = {Path(name).with_suffix("").as_posix(): masks / name for name in picture_names(masks)}
    for name in sorted(picture_names(images)):
        mask = by_stem.get(Path(name).with_suffix("").as_posix())
        if mask is None:
            tally.left_out[BARE] += 1
        else:
            yield images / name, mask


def _of_split(folder: Path, split: str) -> Path:
    """Raises DataError: it has folders of other splits."""
    if (folder / split).is_dir():
        return folder / split
    splits = sorted(path.name for path in folder.glob("*") if path.name.lower() in SPLITS and path.is_dir())
    if splits:
        raise no_split(folder, split, splits)
    return folder


def _values(folder: Path, masks: list[Path], tally: Tally) -> Values:
    path = folder / TABLE
    if path.is_file():
        return _table(path)
    shown = masks[:: max(1, len(masks) // LOOKED)]
    found = sorted({int(value) for mask in shown for value in np.unique(mask_of(mask))})
    if set(found) <= {0, 255} and 255 in found:
        tally.notes.append("masks of 0 and 255: 255 was read as drivable")
        return BLACK_AND_WHITE
    if not set(found) <= {0, 1, 255}:
        raise DataError(
            f"{folder}: expected masks of 0, 1 and 255, or {TABLE} that says what their values mean, got the "
            f"values {found[:20]}. Write it: value,name, and a row such as 7,road"
        )
    return BINARY


def _table(path: Path) -> Values:
    """Raises DataError: no class is drivable."""
    rows: dict[int, str] = {}
    for number, row in csv_rows(path, ("value", "name")):
        if not row["value"].strip().isdecimal() or int(row["value"]) > 255:
            raise fault(path, number, "a value from 0 to 255 and a name", row)
        rows[int(row["value"])] = plain(row["name"])
    drivable, void = _of(rows.items(), DRIVABLE), _of(rows.items(), VOID)
    if not drivable:
        names = ", ".join(rows.values())
        raise DataError(f"{path}: expected a class of {', '.join(DRIVABLE)}, got {names}. Name one drivable")
    rest = tuple(value for value in rows if value not in (*drivable, *void))
    return Values(drivable, rest, tuple({*void, *(() if 255 in rows else (255,))}))


def _of(rows: Iterable[tuple[int, str]], names: Iterable[str]) -> tuple[int, ...]:
    known = frozenset(names)
    return tuple(value for value, name in rows if name in known)

"""Labels of a task that a user adds: a class for each image, each box or each pixel.

The files say which kind it is:

- `image`: a folder with a folder of pictures for each class, or a CSV file with `image,class`.
- `object`: a CSV file with `image,x1,y1,x2,y2,class`, pixels of the image.
- `map`: a folder with `images/`, `masks/` of the same names and `classes.csv` (`value,name`), or a YAML file:
  a list of `images`, `masks` and `values` (value: name). Values without a name are not judged.

CSV files may have a column `split` (train, val); YAML may name such a file, with the names of the pictures in
`name` or `image`. Paths are those from the folder of the file.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from perception.errors import DataError, brief
from perception.labels.foreign import picture_names
from perception.labels.masks import mask_of
from perception.labels.rows import csv_rows, fault, header, open_text
from perception.limits import yaml_description
from perception.types import VOID

BOX = ("x1", "y1", "x2", "y2")
FORMS = (
    "a folder of pictures for each class, a CSV file with image,class or image,x1,y1,x2,y2,class, or a "
    "folder with images/, masks/ and classes.csv, or a YAML file that names such folders"
)


@dataclass(frozen=True, eq=False)
class Objects:
    """Boxes of one image."""

    xyxy: np.ndarray  # (n, 4) float32, image pixels
    names: tuple[str, ...]


@dataclass(frozen=True)
class MaskFile:
    path: Path
    values: Mapping[int, str]  # value of a pixel -> class

    def labels(self, classes: Sequence[str]) -> np.ndarray:
        """(H, W) uint8: places in `classes`, VOID elsewhere. Raises DataError."""
        table = np.full(256, VOID, np.uint8)
        for value, name in self.values.items():
            if name in classes:
                table[value] = classes.index(name)
        return table[mask_of(self.path)]


@dataclass(frozen=True, eq=False)
class Example:
    image: Path
    truth: str | Objects | MaskFile  # a class of the whole image
    split: str = ""  # "train", "val", ...; "": nobody said


@dataclass(frozen=True)
class Told:
    """What the places name."""

    kind: str
    classes: tuple[str, ...]
    examples: tuple[Example, ...]
    missing: int = 0  # pictures that are named and not there


def read(places: Sequence[str], classes: Sequence[str] = ()) -> Told:
    """All of `places`; `classes`: those to learn and their order, empty: all, by name.

    Raises DataError: no such format, kinds that differ, labels for no picture, a class nobody labelled.
    """
    if not places:
        raise DataError(f"expected --data, {FORMS}; got none")
    parts = [_read(Path(os.path.expanduser(place))) for place in places]
    kinds = sorted({kind for kind, _ in parts})
    if len(kinds) > 1:
        raise DataError(f"expected data of one kind, got {' and '.join(kinds)}; add a task for each")
    named = [example for _, examples in parts for example in examples]
    there = [example for example in named if example.image.is_file()]
    if not there:
        first = f", such as {named[0].image}" if named else ""
        raise DataError(
            f"{', '.join(places)}: expected labels of pictures, got {len(named)} labels and none of their "
            f"pictures{first}. Check the paths: they begin at the folder of the file"
        )
    found = sorted({name for example in there for name in names_of(example)})
    chosen = tuple(classes) or tuple(found)
    if unknown := [name for name in chosen if name not in found]:
        raise DataError(f"expected classes of {', '.join(found)}, got {', '.join(unknown)}, labelled nowhere")
    if len(chosen) < 2 or len(set(chosen)) < len(chosen):
        raise DataError(f"expected two classes or more, each once, got {', '.join(chosen) or 'none'}")
    kept = [short for example in there if (short := _of_classes(example, chosen)) is not None]
    return Told(kinds[0], chosen, tuple(kept), len(named) - len(there))


def name_in(image: Path, places: Sequence[str]) -> str:
    """A picture's path from the folder of the place that it lies in; else from that of the first one.

    After the name of that folder if there are several.

    >>> name_in(Path("data/sky/1.png"), ["data/t.csv"])
    'sky/1.png'
    """
    paths = [Path(os.path.expanduser(place)) for place in places]
    folders = [path if path.is_dir() else path.parent for path in paths]
    named = [os.path.relpath(image, folder) for folder in folders]
    best = next((k for k, name in enumerate(named) if not name.startswith("..")), 0)
    within = Path(folders[best].resolve().name) if len(folders) > 1 else Path()
    return (within / named[best]).as_posix()


def _read(place: Path) -> tuple[str, list[Example]]:
    if place.is_dir() and (place / "masks").is_dir():
        return "map", list(_masks(place / "images", place / "masks", _table(place / "classes.csv"), {}))
    if place.is_dir():
        return "image", list(_folders(place))
    match place.suffix.lower():
        case ".csv" if {*BOX, "image", "class"} <= set(header(place)):
            return "object", list(_boxes(place))
        case ".csv" if {"image", "class"} <= set(header(place)):
            return "image", list(_images(place))
        case ".yaml" | ".yml":
            return "map", list(_listed(place))
    raise DataError(f"{place}: expected {FORMS}; got none of them")


def _folders(place: Path) -> Iterator[Example]:
    for folder in sorted(path for path in place.iterdir() if path.is_dir()):
        for name in sorted(picture_names(folder)):
            yield Example(folder / name, folder.name)


def _images(path: Path) -> Iterator[Example]:
    for _, row in csv_rows(path, ("image", "class")):
        yield Example(path.parent / row["image"], row["class"], row.get("split", ""))


def _boxes(path: Path) -> Iterator[Example]:
    rows: dict[tuple[str, str], list[tuple[list[float], str]]] = defaultdict(list)
    for number, row in csv_rows(path, ("image", "class", *BOX)):
        try:
            box = [float(row[side]) for side in BOX]
        except ValueError:
            raise fault(path, number, "four numbers x1,y1,x2,y2", row) from None
        if not (np.isfinite(box).all() and box[0] < box[2] and box[1] < box[3]):
            raise fault(path, number, "a box with x1 < x2 and y1 < y2", box)
        rows[row["image"], row.get("split", "")].append((box, row["class"]))
    for (image, split), own in rows.items():
        xyxy = np.array([box for box, _ in own], np.float32)
        yield Example(path.parent / image, Objects(xyxy, tuple(name for _, name in own)), split)


def _table(path: Path) -> dict[int, str]:
    found = {}
    for number, row in csv_rows(path, ("value", "name")):
        if not row["value"].strip().isdecimal() or int(row["value"]) >= VOID:
            raise fault(path, number, "a value from 0 to 254 and a name", row)
        found[int(row["value"])] = row["name"].strip()
    return found


def _listed(path: Path) -> Iterator[Example]:
    wanted = "a list of images, masks and values (value: name)"
    try:
        rows = yaml_description("".join(open_text(path)))
        parts = [_part(path.parent, row) for row in rows]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"{path}: expected {wanted}, got {brief(error)}. Mend the file") from error
    for part in parts:
        yield from _masks(*part)


def _part(folder: Path, row: Mapping[str, Any]) -> tuple[Path, Path, dict[int, str], dict[str, str]]:
    values = {int(value): str(name) for value, name in row["values"].items()}
    if not all(0 <= value < VOID for value in values):
        raise ValueError(f"values {sorted(values)}, not all from 0 to 254")
    splits = _splits(folder / row["split"]) if "split" in row else {}
    return folder / row["images"], folder / row["masks"], values, splits


def _splits(path: Path) -> dict[str, str]:
    """Stem of a picture -> split, of a CSV file."""
    key = next((name for name in ("image", "img", "name") if name in header(path)), "image")
    return {Path(row[key]).stem: row["split"] for _, row in csv_rows(path, (key, "split"))}


def _masks(
    images: Path, masks: Path, values: Mapping[int, str], splits: Mapping[str, str]
) -> Iterator[Example]:
    by_stem = {Path(name).with_suffix("").as_posix(): masks / name for name in picture_names(masks)}
    for name in sorted(picture_names(images)):
        stem = Path(name).with_suffix("").as_posix()
        if stem in by_stem:
            split = splits.get(Path(name).stem, "")
            yield Example(images / name, MaskFile(by_stem[stem], values), split)


def names_of(example: Example) -> Sequence[str]:
    """Classes it is labelled with, once a label; of a mask, once a class that has a value."""
    match example.truth:
        case str(name):
            return (name,)
        case Objects(names=names):
            return names
        case MaskFile(values=values):
            return tuple(dict.fromkeys(values.values()))


def _of_classes(example: Example, classes: Sequence[str]) -> Example | None:
    """Without what is of no class to be learnt; None: nothing is left."""
    match example.truth:
        case str(name):
            return example if name in classes else None
        case Objects(xyxy, names):
            rows = [k for k, name in enumerate(names) if name in classes]
            kept = Objects(xyxy[rows], tuple(names[k] for k in rows))
            return replace(example, truth=kept) if rows else None
    return example

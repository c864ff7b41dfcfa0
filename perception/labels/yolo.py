"""YOLO folders: `data.yaml` with the classes and where the pictures of each split are; a text file a picture.

`images/.../a.jpg` has its boxes in `labels/.../a.txt`, or beside it: `class x y width height`, the middle and
the size as shares of the picture; of a polygon the box around it is taken. As YOLO has it, a picture without
a text file shows no object. See docs.ultralytics.com/datasets/detect.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from perception.errors import DataError
from perception.labels.boxes import Box, BoxLabels
from perception.labels.classes import COMMON, Names
from perception.labels.foreign import inside, picture_names, translated
from perception.labels.labelled import VAL, Asked, Labelled, Stills, file_name, split_place
from perception.labels.record import Record
from perception.labels.rows import fault, image_size, open_text
from perception.labels.tally import Tally
from perception.limits import yaml_description
from perception.types import Size

SET = "yolo"
FILES = ("data.yaml", "data.yml", "dataset.yaml")
BARE = "pictures have no text file: read as free of objects, as YOLO does"
WANTED = "class x y width height, as shares of the picture"


def open_yolo(text: str, asked: Asked = VAL) -> list[Labelled]:
    """From FOLDER[:SPLIT], or its data.yaml. Raises DataError."""
    place, split = split_place(text, asked.split)
    path = next((p for p in (place, *(place / name for name in FILES)) if p.is_file()), None)
    if path is None:
        raise DataError(
            f"{place}: expected data.yaml, got no such file. Write one: path, train, val and names"
        )
    table = read_yaml(path)
    classes = _classes(path, table.get("names"))
    names, tally = Names.of(COMMON, asked.vocabulary), Tally()
    names.check(path, classes.values(), tally)
    labelled = frozenset(ours for name in classes.values() if (ours := names(name)))
    items = []
    for image in _images(path, table, split):
        size = image_size(image)
        boxes = inside(translated(_boxes(labels_of(image), classes, size, tally), names, tally), size, tally)
        said = BoxLabels(SET, labelled, tuple(boxes), size)
        items.append(Record(SET, image, said, sign_names=names.readings))
    if tally.left_out[BARE] == len(items):
        raise DataError(
            f"{path}: expected a text file for each picture, such as {labels_of(items[0].image)}, "
            f"got none for {len(items)} pictures. Put the labels there"
        )
    return [Stills(file_name(f"{path.resolve().parent.name}-{split}"), tuple(items), tally)]


def _classes(path: Path, names: Any) -> dict[int, str]:
    """Class number -> name. Raises DataError."""
    rows = dict(enumerate(names)) if isinstance(names, Sequence) and not isinstance(names, str) else names
    try:
        return {int(key): str(name) for key, name in rows.items()}
    except (AttributeError, ValueError) as error:
        raise DataError(f"{path}: expected `names`, a list of classes, got {names!r}. Add it") from error


def _images(path: Path, table: Mapping[str, Any], split: str) -> list[Path]:
    """The pictures of a split: of a folder, several, or a text file that lists them. Raises DataError."""
    root = path.parent / str(table.get("path") or "")
    root = root if root.is_dir() else path.parent
    said = table.get(split) or (table.get("valid") if split == "val" else None)
    if not said:
        splits = ", ".join(key for key in ("train", "val", "valid", "test") if table.get(key))
        raise DataError(
            f"{path}: expected the split {split!r}, got {splits or 'none'}. Choose one: {path}:SPLIT"
        )
    found: list[Path] = []
    for name in said if isinstance(said, list) else [said]:
        if not isinstance(name, str):
            raise DataError(f"{path}: expected folders or text files under {split!r}, got {name!r}. Mend it")
        place = root / name
        place = place if place.exists() else root / name.removeprefix("../")  # as some tools write it
        if place.is_file():
            listed = (row.strip() for row in open_text(place) if row.strip())
            found += [p if (p := root / row).exists() else place.parent / row for row in listed]
        else:
            found += [place / name for name in sorted(picture_names(place))]
    if not found:
        raise DataError(f"{path}: expected pictures in {said}, got none. Check `path` and `{split}`")
    return found


def labels_of(image: Path) -> Path:
    """Its text file: `images` in its path becomes `labels`."""
    parts = list(image.parts)
    if "images" in parts[:-1]:
        parts[len(parts) - 1 - parts[::-1].index("images")] = "labels"
    return Path(*parts).with_suffix(".txt")


def _boxes(path: Path, classes: Mapping[int, str], size: Size, tally: Tally) -> Iterator[Box]:
    """Raises DataError."""
    if not path.is_file():
        tally.left_out[BARE] += 1
        return
    for number, row in enumerate(open_text(path), 1):
        if row.strip():
            yield _box(path, number, row, classes, size)


def _box(path: Path, number: int, row: str, classes: Mapping[int, str], size: Size) -> Box:
    try:
        name, *values = row.split()
        shares = [float(value) for value in values]
        if len(shares) < 4 or not all(-0.01 <= share <= 1.01 for share in shares):
            raise ValueError(row.strip()[:60])
        label = classes[int(float(name))]
    except (KeyError, ValueError, OverflowError) as error:
        raise fault(path, number, f"{WANTED}, of {len(classes)} classes", row.strip()[:60]) from error
    width, height = size
    if len(shares) > 5:  # a polygon
        xs, ys = shares[0::2], shares[1::2]
        return Box((min(xs) * width, min(ys) * height, max(xs) * width, max(ys) * height), label, "")
    x, y, w, h = shares[:4]
    return Box(
        ((x - w / 2) * width, (y - h / 2) * height, (x + w / 2) * width, (y + h / 2) * height), label, ""
    )


def read_yaml(path: Path) -> dict[str, Any]:
    """The table of a YAML file; numbers in it are text, as they are written in the names of classes.

    Raises DataError.
    """
    try:
        table = yaml_description("".join(open_text(path)))
    except ValueError as error:
        raise DataError(f"{path}: expected YAML, got {error}. Mend it") from error
    if not isinstance(table, dict):
        raise DataError(f"{path}: expected `key: value` rows, got {table!r}"[:400] + ". Mend it")
    return {str(key): _texts(value) for key, value in table.items()}


def _texts(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _texts(own) for key, own in value.items()}
    if isinstance(value, list):
        return [_texts(own) for own in value]
    return value if value is None else str(value)

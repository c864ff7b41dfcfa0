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
        place = root / name
        place = place if place.exists() else root / str(name).removeprefix("../")  # as some tools write it
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
    except (KeyError, ValueError) as error:
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
    """What data.yaml needs of YAML: `key: value`, lists in brackets or of `- value`, and `number: name` rows.

    Raises DataError.
    """
    table: dict[str, Any] = {}
    key = ""
    for number, line in enumerate(open_text(path), 1):
        row = line.split(" #")[0].rstrip()
        if not row.strip() or row.lstrip().startswith(("#", "---")):
            continue
        if row[0] not in " -\t":
            key, colon, value = row.partition(":")
            if not colon:
                raise fault(path, number, "`key: value`", row)
            table[key.strip()] = _value(value.strip())
        elif row.strip().startswith("-"):
            table[key] = [*(table[key] or ()), _value(row.strip()[1:].strip())]
        else:
            name, _, value = row.strip().partition(":")
            table[key] = {**(table[key] or {}), name.strip("\"' "): _value(value.strip())}
    return table


def _value(text: str) -> Any:
    if text.startswith("[") and text.endswith("]"):
        return [_value(part.strip()) for part in text[1:-1].split(",") if part.strip()]
    if text.startswith("{") and text.endswith("}"):
        rows = (part.partition(":") for part in text[1:-1].split(",") if part.strip())
        return {key.strip("\"' "): _value(value.strip()) for key, _, value in rows}
    return text.strip("\"'") if text else None

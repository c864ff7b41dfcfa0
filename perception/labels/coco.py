"""COCO's JSON (Lin et al. 2014): `annotations/instances_NAME.json` beside the folder NAME of pictures.

COCO labels no cyclists (a bicycle is often parked) and of the signs only stop signs: those classes of ours
are not judged. A file whose categories have the names of our classes is judged in all of them. Read as well
is what labelling tools write: other file names, ids as text, boxes as shares of the picture, `area` null.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from perception.errors import DataError, brief
from perception.labels.boxes import UNSURE, Box, BoxLabels
from perception.labels.classes import COMMON, Names
from perception.labels.foreign import inside, translated, with_picture
from perception.labels.labelled import VAL, Asked, Labelled, Stills, file_name
from perception.labels.record import Record
from perception.labels.rows import corners, json_file
from perception.labels.tally import Tally
from perception.types import Size

SET = "coco"
FILES = ("annotations/instances_*.json", "annotations/*.json", "*/_annotations.coco.json", "*.json")
HELD_BACK = re.compile(r"(?<![a-z])(val|valid|test)", re.IGNORECASE)  # in the name of what is not learnt from
SHARES = "the boxes are shares of the picture (0 to 1), and were read as such"
ORPHANS = "boxes are of images that the file does not list: left out"


@dataclass(frozen=True)
class Table:
    """What a file says."""

    sizes: Mapping[str, tuple[str, Size]]  # image id -> file name and size
    categories: Mapping[str, str]  # id -> name
    annotations: list[Any]


def open_coco(text: str, asked: Asked = VAL) -> list[Labelled]:
    """From ANNOTATIONS.json[:IMAGES], or a folder of such files (FILES). Raises DataError."""
    if Path(text).is_dir():
        return [_opened(path, None, asked) for path in _files(Path(text), asked.split)]
    path, colon, images = text.partition(".json:")
    if colon:
        return [_opened(Path(f"{path}.json"), Path(images), asked)]
    return [_opened(Path(text), None, asked)]


def _files(folder: Path, split: str) -> list[Path]:
    """All that are there; to learn from, those that are not held back by their names."""
    found = next((f for f in (sorted(folder.glob(pattern)) for pattern in FILES) if f), [])
    if not found:
        raise DataError(
            f"{folder}: expected annotations/instances_*.json, got no such file. Name it: {folder}/FILE.json"
        )
    if split != "train":
        return found
    taken = [path for path in found if not HELD_BACK.search(path.relative_to(folder).as_posix())]
    if not taken:
        names = ", ".join(path.relative_to(folder).as_posix() for path in found)
        raise DataError(f"{folder}: expected a file to learn from, got {names}. Name one: {found[0]}")
    return taken


def _opened(path: Path, images: Path | None, asked: Asked) -> Labelled:
    table = _table(path)
    names, tally = Names.of(COMMON, asked.vocabulary), Tally()
    names.check(path, table.categories.values(), tally)
    boxes: dict[str, list[Box]] = {}
    for image, box in _boxes(path, table):
        boxes.setdefault(image, []).append(box)
    boxes = _in_pixels(boxes, table.sizes, tally)
    folder = images or _folder(path, [name for name, _ in table.sizes.values()])
    usable = with_picture((name for name, _ in table.sizes.values()), folder, tally)
    labelled = frozenset(ours for name in table.categories.values() if (ours := names(name)))
    items = []
    for key, (name, size) in table.sizes.items():
        if name in usable:
            found = inside(translated(boxes.get(key, ()), names, tally), size, tally)
            said = BoxLabels(SET, labelled, tuple(found), size)
            items.append(Record(SET, folder / name, said, sign_names=names.readings))
    tally.left_out[ORPHANS] += sum(len(found) for image, found in boxes.items() if image not in table.sizes)
    return Stills(file_name(_name(path)), tuple(items), tally)


def _name(path: Path) -> str:
    """Of the data set: `val2017`; of a tool's `train/_annotations.coco.json`, `train`."""
    return path.parent.name if path.name.startswith("_annotations") else path.stem.removeprefix("instances_")


def _table(path: Path) -> Table:
    """Raises DataError."""
    table = json_file(path)
    try:
        rows = [(str(row["id"]), str(PurePosixPath(row["file_name"])), _size(row)) for row in table["images"]]
        categories = {str(row["id"]): str(row["name"]) for row in table["categories"]}
        annotations = list(table["annotations"])
    except (KeyError, TypeError, ValueError) as error:
        wanted = "images, categories and annotations as in COCO's instances_*.json"
        raise DataError(f"{path}: expected {wanted}, got {brief(error)}. Choose another file") from error
    once = Counter(name for _, name, _ in rows)
    sizes: dict[str, tuple[str, Size]] = {}
    for key, name, size in rows:
        if key in sizes:
            raise DataError(
                f"{path}: expected every image to have an id of its own, got {key} for {sizes[key][0]} and "
                f"{name}. Give one of them another, in its annotations too"
            )
        if once[name] > 1:
            raise DataError(
                f"{path}: expected every image once, got {name} {once[name]} times. Give it one id"
            )
        sizes[key] = name, size
    return Table(sizes, categories, annotations)


def _size(row: Mapping[str, Any]) -> Size:
    return int(row["width"]), int(row["height"])


def _boxes(path: Path, table: Table) -> Iterator[tuple[str, Box]]:
    """(image id, box in the data set's class) of every annotation. Raises DataError."""
    for number, row in enumerate(table.annotations):
        yield _box(f"{path}: annotation {number}", row, table.categories)


def _box(place: str, row: Any, categories: Mapping[str, str]) -> tuple[str, Box]:
    try:
        x, y, width, height = (float(value) for value in row["bbox"])
        area = row.get("area")
        extra = UNSURE if row.get("iscrowd") else ""
        name = categories[str(row["category_id"])]
        box = Box(corners((x, y, x + width, y + height)), name, extra, None if area is None else float(area))
        return str(row["image_id"]), box
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        wanted = "image_id, a category_id of the file, bbox [x, y, width, height]"
        raise DataError(f"{place}: expected {wanted}, got {brief(error)}. Mend it") from error


def _in_pixels(
    boxes: dict[str, list[Box]], sizes: Mapping[str, tuple[str, Size]], tally: Tally
) -> dict[str, list[Box]]:
    """Boxes of which none reaches beyond 1 are shares of their pictures."""
    ends = [max(box.xyxy) for found in boxes.values() for box in found]
    if not ends or max(ends) > 1 or max(ends) == 0:
        return boxes
    tally.notes.append(SHARES)
    return {
        image: [_scaled(box, sizes[image][1]) for box in found]
        for image, found in boxes.items()
        if image in sizes
    }


def _scaled(box: Box, size: Size) -> Box:
    x1, y1, x2, y2 = box.xyxy
    width, height = size
    return replace(box, xyxy=(x1 * width, y1 * height, x2 * width, y2 * height), area=None)


def _folder(path: Path, names: Iterable[str]) -> Path:
    """Where the pictures are, if nobody says."""
    root, own = path.parent, path.stem.removeprefix("instances_")
    near = [root / own, root.parent / own, root.parent / "images" / own, root.parent / "images"]
    near += [root, root / "images", root.parent]
    names = list(names)
    found = next((folder for folder in near if any((folder / name).exists() for name in names)), None)
    if found is None:
        places = ", ".join(str(folder) for folder in near)
        raise DataError(f"{path}: expected its pictures in one of {places}. Name their folder: {path}:FOLDER")
    return found

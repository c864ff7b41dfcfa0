"""COCO's JSON (Lin et al. 2014): `annotations/instances_NAME.json` beside the folder NAME of pictures.

COCO labels no cyclists (a bicycle is often parked) and of the signs only stop signs: those classes of ours
are not judged. A file whose categories have the names of our classes is judged in all of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perception.errors import DataError
from perception.evaluation.data.boxes import UNSURE, Box, BoxLabels
from perception.evaluation.data.foreign import Missing, inside, remarks_on, translated
from perception.evaluation.data.labelled import Labelled, Stills, file_name
from perception.evaluation.data.rows import json_file, read_image
from perception.evaluation.data.truth import Truth
from perception.tasks.detection import CLASSES
from perception.types import Frame, Size

SET = "coco"
NAMES = {  # COCO's to ours
    "person": "person",
    "car": "vehicle",
    "bus": "vehicle",
    "truck": "vehicle",
    "motorcycle": "motorbike",
    "traffic light": "traffic_light",
    **{name: name for name in CLASSES},
}


@dataclass(frozen=True)
class BoxedPicture:
    image: Path
    boxes: BoxLabels

    def read(self, seq: int) -> tuple[Frame, Truth]:
        frame = Frame(read_image(self.image), 0, seq, str(self.image))
        return frame, Truth(SET, self.boxes, tags=(f"set:{SET}",))


def open_coco(text: str) -> list[Labelled]:
    """From ANNOTATIONS.json[:IMAGES], or a folder with `annotations/instances_*.json`. Raises DataError."""
    if Path(text).is_dir():
        return [_opened(path, None) for path in sorted(Path(text).glob("annotations/instances_*.json"))]
    path, colon, images = text.partition(".json:")
    return [_opened(Path(f"{path}.json"), Path(images)) if colon else _opened(Path(text), None)]


def _opened(path: Path, images: Path | None) -> Labelled:
    table = json_file(path)
    try:
        sizes = {row["id"]: (str(row["file_name"]), _size(row)) for row in table["images"]}
        categories = {row["id"]: str(row["name"]) for row in table["categories"]}
        rows = list(table["annotations"])
    except (KeyError, TypeError, ValueError) as error:
        wanted = "images, categories and annotations as in COCO's instances_*.json"
        raise DataError(f"{path}: expected {wanted}, got {error!r}. Choose another file") from error
    boxes: dict[Any, list[Box]] = {}
    for image, box in _boxes(path, rows, categories):
        boxes.setdefault(image, []).append(box)
    folder = images or _folder(path, [name for name, _ in sizes.values()])
    usable, missing = Missing.of((name for name, _ in sizes.values()), folder)
    left_out, beyond, items = Counter[str](), 0, []
    labelled = frozenset(NAMES[name] for name in categories.values() if name in NAMES)
    for key, (name, size) in sizes.items():
        found, cut = inside(translated(boxes.get(key, ()), NAMES, left_out), size)
        beyond += cut
        if name in usable:
            items.append(BoxedPicture(folder / name, BoxLabels(SET, labelled, tuple(found), size)))
    remarks = missing.remarks() + remarks_on(left_out, beyond)
    unknown = sum(len(found) for image, found in boxes.items() if image not in sizes)
    if unknown:
        remarks.append(f"{unknown} boxes are of images that the file does not list: left out")
    return Stills(file_name(path.stem.removeprefix("instances_")), tuple(items), tuple(remarks))


def _size(row: Mapping[str, Any]) -> Size:
    return int(row["width"]), int(row["height"])


def _boxes(path: Path, rows: list[Any], categories: Mapping[Any, str]) -> Iterator[tuple[Any, Box]]:
    """(image id, box) of every annotation. Raises DataError."""
    for number, row in enumerate(rows):
        yield _box(f"{path}: annotation {number}", row, categories)


def _box(place: str, row: Any, categories: Mapping[Any, str]) -> tuple[Any, Box]:
    try:
        x, y, width, height = (float(value) for value in row["bbox"])
        if not (width >= 0 and height >= 0):
            raise ValueError(f"a box of {width} x {height} pixels")
        area = float(row["area"]) if "area" in row else None
        extra = UNSURE if row.get("iscrowd") else ""
        box = Box((x, y, x + width, y + height), categories[row["category_id"]], extra, area)
        return row["image_id"], box
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        wanted = "image_id, a category_id of the file, bbox [x, y, width, height]"
        raise DataError(f"{place}: expected {wanted}, got {error!r}. Mend it") from error


def _folder(path: Path, names: list[str]) -> Path:
    """Where the pictures are, if nobody says."""
    root, own = path.parent, path.stem.removeprefix("instances_")
    near = [root / own, root.parent / own, root.parent / "images" / own, root.parent / "images", root]
    found = next((folder for folder in near if any((folder / name).exists() for name in names)), None)
    if found is None:
        places = ", ".join(str(folder) for folder in near)
        raise DataError(f"{path}: expected its pictures in one of {places}. Name their folder: {path}:FOLDER")
    return found

"""Pascal VOC (Everingham et al. 2010): `Annotations/NAME.xml`, `JPEGImages/NAME.jpg`, or both in one folder.

Boxes count pixels from 1 and hold both corners. An object that is `difficult` is not judged. Which classes
are labelled is taken from the names that occur.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from perception.errors import DataError
from perception.labels.boxes import UNSURE, Box, BoxLabels
from perception.labels.classes import COMMON, Names
from perception.labels.foreign import inside, list_of, translated
from perception.labels.labelled import VAL, Asked, Labelled, Stills, file_name, split_place
from perception.labels.record import Record
from perception.labels.rows import corners, open_text
from perception.labels.tally import Tally
from perception.types import Size

SET = "voc"
GONE = "annotations lack their picture: left out"
Read = tuple[Path, str, Size, list[Box]]  # annotation, file name of the picture, size, boxes


def open_voc(text: str, asked: Asked = VAL) -> list[Labelled]:
    """From FOLDER[:SPLIT], the list `ImageSets/Main/SPLIT.txt`; without lists, all. Raises DataError."""
    folder, split = split_place(text, asked.split)
    root = folder / "Annotations" if (folder / "Annotations").is_dir() else folder
    listed = list_of(folder / "ImageSets/Main", split)
    stems = None if listed is None else {row.split()[0] for row in open_text(listed) if row.strip()}
    found = [_read(path) for path in sorted(root.glob("*.xml")) if stems is None or path.stem in stems]
    if not found:
        raise DataError(f"{root}: expected annotations NAME.xml, got none. Check the folder and the split")
    names, tally = Names.of(COMMON, asked.vocabulary), Tally()
    used = {box.name for *_, boxes in found for box in boxes}
    names.check(root, used, tally)
    labelled = frozenset(new for name in used if (new := names(name)))
    places = (folder / "JPEGImages", folder / "images", root)
    items = []
    for path, name, size, boxes in found:
        image = _picture(places, path, name)
        if image is None:
            tally.left_out[GONE] += 1
            continue
        ours = inside(translated(boxes, names, tally), size, tally)
        said = BoxLabels(SET, labelled, tuple(ours), size)
        items.append(Record(SET, image, said, sign_names=names.readings))
    if not items:
        raise DataError(
            f"{root}: expected the pictures in {places[0]}, got none of {len(found)}. Put them there"
        )
    name = folder.resolve().name + ("" if listed is None else f"-{split}")
    return [Stills(file_name(name), tuple(items), tally)]


def _picture(places: Sequence[Path], annotation: Path, name: str) -> Path | None:
    stem = annotation.stem
    names = (name, *(stem + ending for ending in (".jpg", ".jpeg", ".png", ".JPG")))
    return next((p / name for p in places for name in names if name and (p / name).is_file()), None)


def _read(path: Path) -> Read:
    """Raises DataError."""
    try:
        tree = ElementTree.fromstring("".join(open_text(path)))
        size = int(tree.findtext("size/width", "")), int(tree.findtext("size/height", ""))
        boxes = [_box(item) for item in tree.iter("object")]
    except (ElementTree.ParseError, ValueError) as error:
        wanted = "a VOC annotation: size, object (name, bndbox)"
        raise DataError(f"{path}: expected {wanted}, got {error}. Mend it") from error
    return path, Path(tree.findtext("filename", "")).name, size, boxes


def _box(item: ElementTree.Element) -> Box:
    """Raises ValueError."""
    keys = ("xmin", "ymin", "xmax", "ymax")
    x1, y1, x2, y2 = corners([item.findtext(f"bndbox/{key}", "") for key in keys])
    extra = UNSURE if item.findtext("difficult", "0").strip() == "1" else ""
    return Box((x1 - 1, y1 - 1, x2, y2), str(item.findtext("name", "")).strip(), extra)

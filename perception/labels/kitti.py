"""KITTI's objects (Geiger et al. 2012): `training/image_2` and `training/label_2`, a text file a picture.

A row is `type truncated occluded alpha left top right bottom ...`. Nothing is judged in a `DontCare` region;
a tram or `Misc` (trailers and the like) is no vehicle of ours, and a vehicle found on one counts neither way.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from perception.errors import DataError
from perception.labels.boxes import UNSURE, Box, BoxLabels
from perception.labels.classes import Names
from perception.labels.foreign import inside, list_of, picture_names, with_picture
from perception.labels.labelled import VAL, Asked, Labelled, Stills, file_name, split_place
from perception.labels.record import Record
from perception.labels.rows import corners, fault, image_size, open_text
from perception.labels.tally import Tally

SET = "kitti"
NAMES = {
    **dict.fromkeys(("Car", "Van", "Truck"), "vehicle"),
    **dict.fromkeys(("Pedestrian", "Person_sitting"), "person"),
    "Cyclist": "cyclist",
}
REGIONS = {"Tram": "vehicle", "Misc": "vehicle"}
NOWHERE = "DontCare"
IMAGES, LABELS = "image_2", "label_2"


def open_kitti(text: str, asked: Asked = VAL) -> list[Labelled]:
    """From FOLDER[:SPLIT]; a split is a list `ImageSets/SPLIT.txt`; without lists, all. Raises DataError."""
    folder, split = split_place(text, asked.split)
    root = next((r for r in (folder / "training", folder) if (r / LABELS).is_dir()), None)
    if root is None:
        raise DataError(
            f"{folder}: expected training/{LABELS}, got no such folder. Unpack data_object_label_2 there"
        )
    names, tally = Names.of(NAMES, asked.vocabulary), Tally()
    tally.names |= {*NAMES, *REGIONS}
    labelled = frozenset(ours for name in (*NAMES, *REGIONS) if (ours := names(name)))
    listed = _listed(folder, split)
    texts = {path.stem: path for path in sorted((root / LABELS).glob("*.txt"))}
    stems = {stem for stem in texts if listed is None or stem in listed}
    ending = next((Path(name).suffix for name in sorted(picture_names(root / IMAGES))), ".png")
    items = []
    for name in sorted(with_picture((stem + ending for stem in stems), root / IMAGES, tally)):
        size = image_size(root / IMAGES / name)
        boxes = inside(_boxes(texts[Path(name).stem], names, labelled, tally), size, tally)
        said = BoxLabels(SET, labelled, tuple(boxes), size)
        items.append(Record(SET, root / IMAGES / name, said, sign_names=names.readings))
    return [Stills(file_name(SET if listed is None else f"{SET}-{split}"), tuple(items), tally)]


def _listed(folder: Path, split: str) -> frozenset[str] | None:
    path = list_of(folder / "ImageSets", split)
    return None if path is None else frozenset(row.strip() for row in open_text(path) if row.strip())


def _boxes(path: Path, names: Names, labelled: frozenset[str], tally: Tally) -> Iterator[Box]:
    for number, row in enumerate(open_text(path), 1):
        if not row.strip():
            continue
        name, *values = row.split()
        try:
            place = corners(values[3:7])
            if len(values) < 14:
                raise ValueError
        except ValueError as error:
            raise fault(
                path, number, "type and 14 numbers, of a box left top right bottom", row.strip()
            ) from error
        if name == NOWHERE:
            yield from (Box(place, ours, UNSURE) for ours in sorted(labelled))
        elif names(name) is None and REGIONS.get(name) in labelled:
            yield Box(place, REGIONS[name], UNSURE)
        elif ours := names.count(name, tally):
            yield Box(place, ours, "")

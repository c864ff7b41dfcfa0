"""BDD100K (Yu et al. 2020) as it is downloaded: `images/100k/SPLIT` and `labels`, with or without `bdd100k/`.

Read are whichever of these are there: `labels/det_20/det_SPLIT.json` or the older
`labels/bdd100k_labels_images_SPLIT.json`, `labels/lane/polygons/lane_SPLIT.json`,
`labels/drivable/polygons/drivable_SPLIT.json`, `labels/drivable/masks/SPLIT/*.png`.

How its labels differ from ours: a rider's box is not that of rider and cycle together, so cyclists and
motorbikes are not judged, nor are persons found on a rider. Lines are labelled at both edges of the paint,
and both count. A "road curb" is a road edge and no lane line.
Drivable is `direct` and `alternative`, which leaves out the oncoming lanes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from perception.errors import DataError, brief
from perception.labels.boxes import Box, BoxLabels
from perception.labels.classes import Names
from perception.labels.foreign import inside, with_picture
from perception.labels.labelled import VAL, Asked, Labelled, Stills, file_name, split_place
from perception.labels.masks import MaskLabels, Values
from perception.labels.record import Area, Record
from perception.labels.rows import json_file
from perception.labels.scalabel import (
    CATEGORIES,
    NAMES,
    UNKNOWN_KIND,
    Curves,
    Poly,
    Polygons,
    attributes,
    box,
)
from perception.labels.tally import Tally

SET = "bdd100k"
SIZE = (1280, 720)  # of all its pictures
DRIVABLE = Values((0, 1), (2,), (255,))  # direct, alternative; background
OBJECTS, LINES, AREAS = "objects", "lines", "areas"  # what a label file tells
FILES = (
    ("labels/det_20/det_{}.json", frozenset((OBJECTS,))),
    ("labels/bdd100k_labels_images_{}.json", frozenset((OBJECTS, LINES, AREAS))),
    ("labels/lane/polygons/lane_{}.json", frozenset((LINES,))),
    ("labels/drivable/polygons/drivable_{}.json", frozenset((AREAS,))),
)
MASKS = "labels/drivable/masks/{}"


@dataclass
class Told:
    """What the label files say of one picture."""

    told: set[str] = field(default_factory=set)
    boxes: list[Box] = field(default_factory=list)
    lines: list[Poly] = field(default_factory=list)
    areas: list[Poly] = field(default_factory=list)
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """What the labels are read with."""

    names: Names
    tally: Tally
    kinds: Mapping[str, str]  # of lane lines

    @property
    def labelled(self) -> frozenset[str]:
        """The classes of which every object has its box."""
        return frozenset(ours for name in (*NAMES, *CATEGORIES) if (ours := self.names(name)))


def open_bdd100k(text: str, asked: Asked = VAL) -> list[Labelled]:
    """From FOLDER[:SPLIT]. Raises DataError."""
    folder, split = split_place(text, asked.split)
    root = next((r for r in (folder, folder / "bdd100k") if (r / "images/100k" / split).is_dir()), None)
    if root is None:
        found = sorted(path.name for path in folder.glob("**/100k/*"))
        raise DataError(f"{folder}: expected images/100k/{split}, got the splits {found}. Choose one of them")
    reading = Reading(Names.of(NAMES, asked.vocabulary), Tally(), asked.vocabulary.line_kinds)
    reading.tally.names |= {*NAMES, *CATEGORIES}
    told = _told(root, split, reading)
    masks = {path.stem: path for path in sorted((root / MASKS.format(split)).glob("*.png"))}
    pictures = root / "images/100k" / split
    usable = with_picture({*told, *(f"{stem}.jpg" for stem in masks)}, pictures, reading.tally)
    items = []
    for name in sorted(usable):
        one = told.get(name, Told())
        boxes = inside(one.boxes, SIZE, reading.tally)
        items.append(_picture(pictures / name, one, boxes, masks.get(Path(name).stem), reading.labelled))
    return [Stills(file_name(f"{SET}-{split}"), tuple(items), reading.tally)]


def _picture(
    image: Path, told: Told, boxes: list[Box], mask: Path | None, labelled: frozenset[str]
) -> Record:
    """A mask goes before polygons."""
    drivable: Area | None = Polygons(tuple(told.areas)) if AREAS in told.told else None
    return Record(
        SET,
        image,
        BoxLabels(SET, labelled, tuple(boxes), SIZE) if OBJECTS in told.told else None,
        Curves(tuple(told.lines)) if LINES in told.told else None,
        drivable if mask is None else MaskLabels(SET, mask, DRIVABLE),
        told.tags,
    )


def _told(root: Path, split: str, reading: Reading) -> dict[str, Told]:
    """Picture -> labels, from every file that is there; the first that tells of objects is believed."""
    told: dict[str, Told] = {}
    known: set[str] = set()
    for pattern, topics in FILES:
        path = root / pattern.format(split)
        new = topics - known
        if path.exists() and new:
            known |= new
            for number, row in enumerate(_rows(path)):
                _add(told, row, new, reading, f"{path}: picture {number}")
    if not told and not (root / MASKS.format(split)).is_dir():
        places = ", ".join(pattern.format(split) for pattern, _ in FILES)
        raise DataError(f"{root}: expected one of {places}, got none. Unpack the labels beside images/")
    return told


def _rows(path: Path) -> list[Any]:
    table = json_file(path)
    rows = table.get("frames") if isinstance(table, dict) else table  # Scalabel's own form
    if not isinstance(rows, list):
        raise DataError(
            f"{path}: expected a list of pictures, or one under `frames`, got {type(table).__name__}. "
            "Export the labels in the form of Scalabel"
        )
    return rows


def _add(told: dict[str, Told], row: Any, topics: frozenset[str], reading: Reading, place: str) -> None:
    try:
        one = told.setdefault(str(row["name"]), Told())
        one.told |= topics
        one.tags = one.tags or attributes(row.get("attributes") or {})
        for label in row.get("labels") or ():
            _add_label(one, label, topics, reading)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        wanted = "name, labels [{category, box2d or poly2d}]"
        raise DataError(
            f"{place}: expected {wanted}, got {brief(error)}. Mend it or copy the file"
        ) from error


def _add_label(told: Told, label: Mapping[str, Any], topics: frozenset[str], reading: Reading) -> None:
    category = str(label["category"])
    if label.get("box2d"):
        found = box(label, reading.names) if OBJECTS in topics else None
        if found is not None:
            told.boxes.append(found)
        if OBJECTS in topics:
            (reading.tally.unknown if found is None else reading.tally.used)[category] += 1
        return
    for poly in _polys(label, reading.kinds):
        if poly.drivable and AREAS in topics:
            told.areas.append(poly)
        elif poly.lane and LINES in topics:
            told.lines.append(poly)
            if not poly.known and poly.marking not in reading.kinds:
                reading.tally.left_out[f"{UNKNOWN_KIND} {poly.marking!r}: read as lane lines"] += 1


def _polys(label: Mapping[str, Any], kinds: Mapping[str, str]) -> Iterator[Poly]:
    for row in label.get("poly2d") or ():
        yield Poly.of(label, row, kinds)

"""Boxes of other data sets: their classes in ours, and what cannot be used."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from perception.errors import DataError
from perception.labels.boxes import Box
from perception.labels.classes import Names
from perception.labels.tally import BEYOND, Tally
from perception.sinks.files import PICTURES
from perception.types import Size

SLACK = 1.0  # pixels that a box may reach beyond its picture: rounding


def translated(boxes: Iterable[Box], names: Names, tally: Tally) -> list[Box]:
    """Boxes in the classes of the network; the others are counted."""
    return [
        replace(box, name=ours, extra=box.extra or names.sign(box.name))
        for box in boxes
        if (ours := names.count(box.name, tally))
    ]


def inside(boxes: Iterable[Box], size: Size, tally: Tally) -> list[Box]:
    """Boxes cut at the edge of their picture; those outside are left out, and both are counted."""
    found = []
    for box in boxes:
        x1, y1, x2, y2 = box.xyxy
        width, height = size
        if x1 >= -SLACK and y1 >= -SLACK and x2 <= width + SLACK and y2 <= height + SLACK:
            found.append(box)
            continue
        tally.left_out[BEYOND] += 1
        cut = max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))
        if cut[0] < cut[2] and cut[1] < cut[3]:
            found.append(replace(box, xyxy=cut, area=None))
    return found


def with_picture(labelled: Iterable[str], folder: Path, tally: Tally) -> set[str]:
    """The names that have both; the others are counted. Raises DataError if no name has both."""
    there = picture_names(folder)
    names = set(labelled)
    both = names & there
    if not both:
        example = min(names, default="none")
        raise DataError(
            f"{folder}: expected the pictures of the labels, such as {example}, got none of them among "
            f"{len(there)} pictures. Check the folder and the split"
        )
    tally.left_out[f"labelled pictures are not in {folder}: left out"] += len(names - there)
    tally.left_out[f"pictures in {folder} have no label: left out"] += len(there - names)
    return both


def list_of(folder: Path, split: str) -> Path | None:
    """The list of a split, `SPLIT.txt`; None: there are no lists, so all belongs to it. Raises DataError."""
    found = sorted(path.stem for path in folder.glob("*.txt"))
    if found and split not in found:
        raise no_split(folder, split, [name for name in found if "_" not in name] or found)
    return folder / f"{split}.txt" if found else None


def no_split(place: Path, split: str, found: Iterable[str]) -> DataError:
    listed = ", ".join(found)
    return DataError(f"{place}: expected the split {split!r}, got {listed}. Choose one: FOLDER:SPLIT")


def picture_names(folder: Path) -> set[str]:
    """Names of the pictures in a folder, with the folders in it: `b1/1.jpg`."""
    files = folder.rglob("*") if folder.is_dir() else ()
    return {path.relative_to(folder).as_posix() for path in files if path.suffix.lower() in PICTURES}

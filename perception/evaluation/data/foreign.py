"""Boxes of other data sets: their classes in ours, and what cannot be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from perception.errors import DataError
from perception.evaluation.data.boxes import Box
from perception.evaluation.data.rows import counted
from perception.sinks.files import PICTURES
from perception.types import Size

SLACK = 1.0  # pixels that a box may reach beyond its picture: rounding


def translated(boxes: Iterable[Box], names: Mapping[str, str], left_out: Counter[str]) -> list[Box]:
    """Boxes in our classes; the others are counted."""
    boxes = list(boxes)
    left_out.update(box.name for box in boxes if box.name not in names)
    return [replace(box, name=names[box.name]) for box in boxes if box.name in names]


def inside(boxes: Iterable[Box], size: Size) -> tuple[list[Box], int]:
    """Boxes cut at the edge of their picture, and how many reached beyond it; those outside are left out."""
    found, beyond = [], 0
    for box in boxes:
        x1, y1, x2, y2 = box.xyxy
        width, height = size
        if x1 >= -SLACK and y1 >= -SLACK and x2 <= width + SLACK and y2 <= height + SLACK:
            found.append(box)
            continue
        beyond += 1
        cut = max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))
        if cut[0] < cut[2] and cut[1] < cut[3]:
            found.append(replace(box, xyxy=cut, area=None))
    return found, beyond


@dataclass(frozen=True)
class Missing:
    """Which labels have no picture and which pictures no label."""

    without_picture: int
    without_label: int
    folder: Path

    @classmethod
    def of(cls, labelled: Iterable[str], folder: Path) -> tuple[set[str], Missing]:
        """The names that have both, and what is missing. Raises DataError if no name has both."""
        there = picture_names(folder)
        names = set(labelled)
        both = names & there
        if not both:
            example = min(names, default="none")
            raise DataError(
                f"{folder}: expected the pictures of the labels, such as {example}, got none of them among "
                f"{len(there)} pictures. Check the folder and the split"
            )
        return both, cls(len(names - there), len(there - names), folder)

    def remarks(self) -> list[str]:
        found = []
        if self.without_picture:
            found.append(f"{self.without_picture} labelled pictures are not in {self.folder}: left out")
        if self.without_label:
            found.append(f"{self.without_label} pictures in {self.folder} have no label: left out")
        return found


def picture_names(folder: Path) -> set[str]:
    """Names of the pictures in a folder, with the folders in it: `b1/1.jpg`."""
    files = folder.rglob("*") if folder.is_dir() else ()
    return {path.relative_to(folder).as_posix() for path in files if path.suffix.lower() in PICTURES}


def remarks_on(left_out: Mapping[str, int], beyond: int) -> list[str]:
    found = []
    if left_out:
        found.append(f"no class of ours, left out: {counted(left_out)}")
    if beyond:
        found.append(f"{beyond} boxes reach beyond their picture: cut, or left out if they lie outside")
    return found

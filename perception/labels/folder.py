"""Labelled pictures in the format of the driving data (its README describes it), whatever parts are there.

A picture may be labelled in several files; it becomes one `Sample`, so that it is read and seen once.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from perception.errors import DataError
from perception.labels import acdc, blank, boxes, brazil, clips, lines, masks, signs
from perception.labels.blank import Blank
from perception.labels.boxes import BoxLabels, set_name
from perception.labels.brazil import PaintLabels
from perception.labels.classes import Names
from perception.labels.clips import EVERY
from perception.labels.labelled import spaced
from perception.labels.masks import MaskLabels
from perception.labels.signs import SignCrop
from perception.types import LaneLine


@dataclass(frozen=True)
class Sample:
    """A picture and all that people said about it. None: not labelled for that."""

    image: Path
    boxes: BoxLabels | None = None
    mask: MaskLabels | None = None
    lines: tuple[LaneLine, ...] | None = None
    partly: str | None = None  # the set of lines that are labelled in part only; None: all are
    paint: PaintLabels | None = None
    own: str | None = None  # a drive whose own vehicle is drawn, a key of `own_vehicle.EDGES`
    condition: str | None = None  # "night"

    @property
    def tasks(self) -> frozenset[str]:
        """The tasks that its labels judge."""
        told = {"detection": self.boxes, "lanes": self.lines, "drivable": self.mask}
        return frozenset(task for task, labels in told.items() if labels is not None)

    @property
    def set(self) -> str:
        """The set it belongs to: that of its masks or boxes, else the folder it lies in."""
        named = self.mask or self.boxes or self.paint
        if named:
            return named.set
        folders = self.image.parent.absolute()
        return set_name((folders.parent if folders.name == "images" else folders).name)

    @property
    def kind(self) -> tuple[object, ...]:
        """Pictures of one kind come from one folder and carry the same sorts of labels."""
        paint = self.mask is not None and self.mask.paint is not None
        labels = (self.boxes, self.mask, self.lines, self.paint)
        return self.image.parent, paint, self.own, *(label is not None for label in labels)


@dataclass(frozen=True)
class Dataset:
    """One split of a data folder."""

    samples: tuple[Sample, ...]
    crops: tuple[SignCrop, ...]
    reads: frozenset[str]  # sets whose sign boxes carry the sign's class
    blanks: tuple[Blank, ...] = ()

    @property
    def tasks(self) -> frozenset[str]:
        """The tasks that have a score by its labels."""
        crops = {"signs"} if self.crops else set()
        return frozenset(crops).union(*(sample.tasks for sample in self.samples))

    def thinned(self, limit: int | None) -> Dataset:
        """At most `limit` evenly spaced pictures of each kind, and as many sign crops and blank frames."""
        if limit is None:
            return self
        kinds: dict[tuple[Any, ...], list[Sample]] = {}
        for sample in self.samples:
            kinds.setdefault(sample.kind, []).append(sample)
        samples = tuple(s for group in kinds.values() for s in spaced(group, limit))
        crops, blanks = tuple(spaced(self.crops, limit)), tuple(spaced(self.blanks, limit))
        return replace(self, samples=samples, crops=crops, blanks=blanks)


class NoLabels(DataError):
    """A folder has no labels of a split."""


def read_folder(
    root: str | Path, split: str, lane_kinds: Sequence[str] = (), classes: Names | None = None
) -> Dataset:
    """The pictures of `split` in all label files of `root`, without opening one; with `val` blank frames.

    `classes`: what the classes of boxes are called; others are then a fault. None: as in the files.
    Raises NoLabels: no label file, none of that split; DataError: no folder, a malformed line.
    """
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"{root}: expected a folder of labelled pictures, found none. Check the path")
    rows = {
        "boxes": boxes.read(root, classes),
        "mask": masks.read(root),
        "lines": lines.read(root, lane_kinds),
    }
    labels = [(field, *row) for field, part in rows.items() for row in part]
    labels += [*acdc.read(root), *brazil.read(root), *clips.read(root, lane_kinds)]
    crops = tuple(signs.read(root))
    splits = {row[2] for row in labels} - {EVERY} | {crop.split for crop in crops}
    if split not in splits:
        found = sorted(splits) or "no label file"
        raise NoLabels(f"{root}: expected labels of the split {split!r}, got {found}. Choose one of them")
    return Dataset(
        _merge(root, [(field, image, label) for field, image, own, label in labels if own in (split, EVERY)]),
        tuple(crop for crop in crops if crop.split == split),
        frozenset(row.set for _, _, _, row in labels if isinstance(row, BoxLabels) and row.reads),
        blank.frames() if split == "val" else (),
    )


def _merge(root: Path, labels: Iterable[tuple[str, str, Any]]) -> tuple[Sample, ...]:
    samples: dict[str, Sample] = {}
    for field, image, label in labels:
        sample = samples.setdefault(image, Sample(root / image))
        if getattr(sample, field) is not None:
            raise DataError(
                f"{sample.image}: expected labels once, got its {field} twice. Make one line of the two"
            )
        samples[image] = replace(sample, **{field: label})
    return tuple(samples.values())

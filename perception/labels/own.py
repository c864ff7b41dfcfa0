"""The pictures of a data folder (`perception.labels.folder`), one at a time with all their labels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from perception.labels.blank import Blank
from perception.labels.boxes import BoxLabels, named, sign_name
from perception.labels.classes import OWN, Names
from perception.labels.folder import Dataset, Sample, read_folder
from perception.labels.labelled import VAL, Asked, Labelled, Stills, file_name, split_place
from perception.labels.outside import SET as OUTSIDE
from perception.labels.outside import outside
from perception.labels.rows import read_image
from perception.labels.signs import SignCrop
from perception.labels.tally import Tally
from perception.labels.truth import DRAWN, PARTLY, PARTS, Truth
from perception.labels.vocabulary import Vocabulary
from perception.tasks import lanes, signs
from perception.types import Frame, LaneLine

WHOLE = "drawn"  # the set of all lines that are drawn in whole frames
CROPS, BLANK = "signs", "blank"
CONDITION = "condition:"  # a tag


@dataclass(frozen=True)
class Picture:
    """A sample, and which parts of its labels are asked for."""

    sample: Sample
    reads: frozenset[str]  # sets whose sign boxes carry the sign's class
    parts: Sequence[str] = PARTS

    @property
    def image(self) -> Path:
        return self.sample.image

    @property
    def boxes(self) -> BoxLabels | None:
        return self.sample.boxes

    @property
    def drawn(self) -> tuple[LaneLine, ...]:
        """Its lane lines, if they are labelled."""
        return self.sample.lines or ()

    @property
    def tasks(self) -> frozenset[str]:
        """The tasks about which it says something: boxes without a class of the network say nothing."""
        boxes = self.boxes
        silent = boxes is not None and not (boxes.labelled or boxes.boxes)
        return self._labelled - ({"detection"} if silent else set())

    @property
    def _labelled(self) -> frozenset[str]:
        return self.sample.tasks | ({"lanes"} if self._painted else set())

    @property
    def _painted(self) -> bool:
        mask = self.sample.mask
        return self.sample.paint is not None or (mask is not None and mask.paint is not None)

    @property
    def wanted(self) -> bool:
        """Does a part that was asked for say something about this picture?"""
        sample = self.sample
        return (
            bool(self._labelled & set(self.parts))
            or (sample.own is not None and "ego" in self.parts)
            or self._readable
        )

    @property
    def _readable(self) -> bool:
        boxes = self.sample.boxes
        return "signs" in self.parts and boxes is not None and boxes.set in self.reads

    def read(self, seq: int) -> tuple[Frame, Truth]:
        sample = self.sample
        image, boxes, mask = sample.image, sample.boxes, sample.mask
        name = sample.set
        names: tuple[str, ...] = signs.CLASSES
        if boxes is not None:  # signs of classes that ours has not
            said = {sign for box in boxes.boxes if (sign := sign_name(box))}
            names = (*names, *sorted(said - set(names)))
        frame = Frame(read_image(image), 0, seq, str(image))
        return frame, Truth(
            name,
            boxes,
            signs=boxes.signs(names) if boxes is not None and self._readable else None,
            sign_names=names,
            lines=sample.lines,
            rules=(PARTLY,) if sample.partly else (DRAWN,),
            paint=self._paint() if "lanes" in self.parts else None,
            trusted=sample.paint is not None,
            drivable=mask.drivable() if mask is not None and "drivable" in self.parts else None,
            own=sample.own,
            condition=sample.condition,
            tags=(f"set:{name}", *((CONDITION + sample.condition,) if sample.condition else ())),
            sets=self._sets(),
        )

    def _paint(self) -> np.ndarray | None:
        sample = self.sample
        if sample.paint is not None:
            return sample.paint.lanes()
        return None if sample.mask is None else sample.mask.lanes()

    def _sets(self) -> dict[str, str]:
        """Whose metrics each part of the labels belongs to."""
        sample = self.sample
        sets = {"lanes": sample.partly or WHOLE}
        if sample.mask is not None:
            sets |= {"drivable": sample.mask.set, "paint": sample.mask.set}
        if sample.paint is not None:
            sets["paint"] = sample.paint.set
        if sample.boxes is not None:
            sets |= {"detection": sample.boxes.set, "sign": sample.boxes.set}
        return sets


@dataclass(frozen=True)
class Crop:
    """A crop with one sign."""

    crop: SignCrop

    def read(self, seq: int) -> tuple[Frame, Truth]:
        frame = Frame(read_image(self.crop.image), 0, seq, str(self.crop.image))
        return frame, Truth(CROPS, crop=self.crop, tags=(f"set:{CROPS}",))


def pictures(dataset: Dataset, parts: Sequence[str] = PARTS) -> list[Picture]:
    """Those about which one of `parts` says something."""
    found = (Picture(sample, dataset.reads, parts) for sample in dataset.samples)
    return [picture for picture in found if picture.wanted]


def blanks(dataset: Dataset, parts: Sequence[str] = PARTS) -> Sequence[Blank]:
    """Frames without anything to see, if they are asked for."""
    return dataset.blanks if BLANK in parts else ()


def open_data(text: str, asked: Asked = VAL) -> list[Labelled]:
    """The pictures of FOLDER[:SPLIT]. Raises DataError.

    `asked.limit` of each kind, of which `open_labelled` takes as many of each set: so all kinds have a share.
    """
    folder, split = split_place(text, asked.split)
    dataset = read_folder(folder, split, lanes.CLASSES).thinned(asked.limit)
    return open_dataset(*in_classes(dataset, asked.vocabulary), split, asked.parts)


def in_classes(dataset: Dataset, vocabulary: Vocabulary) -> tuple[Dataset, Mapping[str, Tally]]:
    """With boxes in the classes of a network, and what was used of each set. Raises DataError."""
    names = Names.of(OWN, vocabulary)
    tallies: defaultdict[str, Tally] = defaultdict(Tally)
    samples = tuple(
        sample
        if sample.boxes is None
        else replace(sample, boxes=named(sample.boxes, names, tallies[sample.set]))
        for sample in dataset.samples
    )
    reads = {s.boxes.set for s in samples if s.boxes is not None and s.boxes.reads}
    return replace(dataset, samples=samples, reads=dataset.reads | reads), tallies


def open_dataset(
    dataset: Dataset, tallies: Mapping[str, Tally], split: str, parts: Sequence[str] = PARTS
) -> list[Labelled]:
    """A part for each set, for sign crops and for what is no known sign; only what `parts` ask for."""
    sets: dict[str, list[Picture]] = {}
    for picture in pictures(dataset, parts):
        sets.setdefault(picture.sample.set, []).append(picture)
    found: list[Labelled] = [
        Stills(_title(name, split), tuple(items), tallies.get(name, Tally())) for name, items in sets.items()
    ]
    if dataset.crops and "signs" in parts:
        found.append(Stills(_title(CROPS, split), tuple(Crop(crop) for crop in dataset.crops)))
        found.append(Stills(_title(OUTSIDE, split), tuple(outside(dataset))))
    if blanks(dataset, parts):
        found.append(Stills(_title(BLANK, split), tuple(blanks(dataset, parts))))
    return found


def _title(name: str, split: str) -> str:
    return file_name(f"{name}-{split}")

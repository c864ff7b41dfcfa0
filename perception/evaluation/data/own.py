"""The pictures of a data folder (`perception.evaluation.data`), one at a time with all their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from perception.evaluation import data
from perception.evaluation.data import Dataset, Sample, SignCrop
from perception.evaluation.data.labelled import Labelled, Stills, file_name, split_place
from perception.evaluation.data.outside import SET as OUTSIDE
from perception.evaluation.data.outside import outside
from perception.evaluation.data.truth import PARTS, Truth
from perception.tasks import lanes, signs
from perception.types import Frame

DRAWN = "drawn"  # the set of all drawn lines
CROPS = "signs"


@dataclass(frozen=True)
class Picture:
    """A sample, and which parts of its labels are asked for."""

    sample: Sample
    reads: frozenset[str]  # sets whose sign boxes carry the sign's class
    parts: Sequence[str] = PARTS

    @property
    def wanted(self) -> bool:
        """Does a part that was asked for say something about this picture?"""
        sample = self.sample
        lined = sample.lines is not None or (sample.mask is not None and sample.mask.paint is not None)
        return (
            (sample.boxes is not None and "detection" in self.parts)
            or (sample.mask is not None and "drivable" in self.parts)
            or (lined and "lanes" in self.parts)
            or self._readable
        )

    @property
    def _readable(self) -> bool:
        boxes = self.sample.boxes
        return "signs" in self.parts and boxes is not None and boxes.set in self.reads

    def read(self, seq: int) -> tuple[Frame, Truth]:
        image, boxes, mask = self.sample.image, self.sample.boxes, self.sample.mask
        sets = {"lanes": DRAWN}
        if mask is not None:
            sets |= {"drivable": mask.set, "paint": mask.set}
        if boxes is not None:
            sets |= {"detection": boxes.set, "sign": boxes.set}
        name = self.sample.set
        frame = Frame(data.read_image(image), 0, seq, str(image))
        return frame, Truth(
            name,
            boxes,
            signs=boxes.signs(len(signs.CLASSES)) if boxes is not None and self._readable else None,
            lines=self.sample.lines,
            paint=mask.lanes() if mask is not None and "lanes" in self.parts else None,
            drivable=mask.drivable() if mask is not None and "drivable" in self.parts else None,
            tags=(f"set:{name}",),
            sets=sets,
        )


@dataclass(frozen=True)
class Crop:
    """A crop with one sign."""

    crop: SignCrop

    def read(self, seq: int) -> tuple[Frame, Truth]:
        frame = Frame(data.read_image(self.crop.image), 0, seq, str(self.crop.image))
        return frame, Truth(CROPS, crop=self.crop, tags=(f"set:{CROPS}",))


def pictures(dataset: Dataset, parts: Sequence[str] = PARTS) -> list[Picture]:
    """Those about which one of `parts` says something."""
    found = (Picture(sample, dataset.reads, parts) for sample in dataset.samples)
    return [picture for picture in found if picture.wanted]


def open_data(text: str) -> list[Labelled]:
    """The pictures of FOLDER[:SPLIT]. Raises DataError."""
    folder, split = split_place(text, "val")
    return open_dataset(data.read(folder, split, lanes.CLASSES), split)


def open_dataset(dataset: Dataset, split: str, parts: Sequence[str] = PARTS) -> list[Labelled]:
    """A part for each set, for sign crops and for what is no known sign; only what `parts` ask for."""
    sets: dict[str, list[Picture]] = {}
    for picture in pictures(dataset, parts):
        sets.setdefault(picture.sample.set, []).append(picture)
    found: list[Labelled] = [Stills(_title(name, split), tuple(items)) for name, items in sets.items()]
    if dataset.crops and "signs" in parts:
        found.append(Stills(_title(CROPS, split), tuple(Crop(crop) for crop in dataset.crops)))
        found.append(Stills(_title(OUTSIDE, split), tuple(outside(dataset))))
    return found


def _title(name: str, split: str) -> str:
    return file_name(f"{name}-{split}")

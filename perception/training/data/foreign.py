"""Pictures of data sets in any format of `perception.labels`, to learn from; read when they are asked for.

A data set teaches what it labels: a class that it does not label exhaustively has no negatives, and a task
that it does not label is absent, not zero.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Protocol, overload

import numpy as np

from perception.errors import DataError
from perception.labels import boxes, format_of, open_labelled
from perception.labels.boxes import BoxLabels
from perception.labels.classes import OWN, Names
from perception.labels.folder import NoLabels, read_folder
from perception.labels.labelled import Asked, Labelled, Stills, file_name, split_place
from perception.labels.own import Picture, pictures
from perception.labels.record import Record
from perception.labels.tally import Tally
from perception.labels.truth import CULANE, EDGES, PARTLY, TUSIMPLE, Truth
from perception.labels.vocabulary import OURS, Vocabulary
from perception.tasks import lanes
from perception.tasks.batch import CERTAIN, UNKNOWN
from perception.training.data import records
from perception.training.data.maps import RIGHT, SIDES, drawn, partly_drawn
from perception.training.data.sample import Sample
from perception.types import ClassMap, Frame, LaneLine, Size

SHARE = 4.5  # of a data set in a batch if its user does not say: that of rendered scenes
WIDEST = 640  # of maps of lines
TRIES = 8  # pictures in a row that may be unreadable
OWN_FORMAT = "data"
TASKS = ("detection", "lanes", "drivable")


class Told(Protocol):
    """A labelled picture that is not yet read: `record.Record`, `own.Picture`."""

    @property
    def image(self) -> Path: ...

    @property
    def boxes(self) -> BoxLabels | None: ...

    @property
    def tasks(self) -> frozenset[str]: ...

    def read(self, seq: int) -> tuple[Frame, Truth]: ...


@dataclass(frozen=True)
class Pictures(Sequence[Sample]):
    """The pictures of a data set."""

    name: str
    told: tuple[Told, ...]
    remarks: tuple[str, ...] = ()
    classes: frozenset[str] = frozenset()  # what the data set calls its classes
    vocabulary: Vocabulary = OURS

    def __len__(self) -> int:
        return len(self.told)

    @overload
    def __getitem__(self, index: int) -> Sample: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Sample]: ...
    def __getitem__(self, index: int | slice) -> Sample | Sequence[Sample]:
        """Instead of a picture that cannot be read the next one, so that a long run does not end by it."""
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        found = self._read(index % len(self))
        for k in range(index + 1, index + TRIES):
            if isinstance(found, Sample):
                return found
            print(f"{self.name}: left out: {found}", file=sys.stderr)
            found = self._read(k % len(self))
        if isinstance(found, DataError):
            raise found
        return found

    def _read(self, index: int) -> Sample | DataError:
        try:
            return sample_of(*self.told[index].read(index), self.vocabulary)
        except DataError as error:
            return error

    def check(self) -> None:
        """Raises DataError if the first picture cannot be learnt from: the others will be like it."""
        found = self._read(0)
        if isinstance(found, DataError):
            raise found

    def some(self, count: int) -> list[Sample]:
        """At most so many, evenly spaced."""
        return [self[k * len(self) // count] for k in range(count)] if len(self) > count else list(self)

    def reading(self) -> list[Sample]:
        """Those with signs whose class is known."""
        return [self[k] for k, told in enumerate(self.told) if told.boxes is not None and told.boxes.reads]


def sort(texts: Sequence[str]) -> tuple[Path | None, tuple[str, ...]]:
    """What `--data` names: the folder in our own format, if there is one, and the other data sets.

    Raises DataError: no format is recognised, several folders in our own format.
    """
    own: list[Path] = []
    others: list[str] = []
    for text in texts:
        name, place = _named(text)
        kind, rest = format_of(place)
        if kind == OWN_FORMAT and name is None and Path(rest).is_dir():
            own.append(Path(rest))
        else:
            others.append(text)
    if len(own) > 1:
        folders = " and ".join(map(str, own))
        raise DataError(
            f"--data: expected one folder in our own format, got {folders}. Merge their det.jsonl"
        )
    return (own[0] if own else None), tuple(others)


def _named(text: str) -> tuple[str | None, str]:
    """`NAME=PLACE` in two."""
    found = re.fullmatch(r"([A-Za-z][\w-]*)=(.+)", text)
    return (found[1], found[2]) if found and not Path(text).exists() else (None, text)


def name_of(text: str) -> str:
    """What it is called in `sources`: as its user says, else as its folder or file. Raises DataError."""
    name, place = _named(text)
    if name is not None:
        return name
    folder = split_place(format_of(place)[1].partition(".json:")[0], "")[0]
    return file_name((folder.stem or folder.resolve().name).removeprefix("instances_"))


def names(texts: Iterable[str], taken: Iterable[str]) -> dict[str, str]:
    """Name -> data set. Raises DataError if two have one name."""
    found: dict[str, str] = {}
    for text in texts:
        name = name_of(text)
        if name in found or name in taken:
            raise DataError(f"--data {text}: the name {name} is taken. Give it another: --data NAME={text}")
        found[name] = text
    return found


@cache
def read(text: str, vocabulary: Vocabulary = OURS, split: str = "train") -> Pictures:
    """The pictures of a data set, none of them opened.

    Raises DataError if it has none, or none of the classes is known.
    """
    found = open_labelled(_named(text)[1], Asked(split, vocabulary))
    told = tuple(item for part in found for item in _items(part))
    if not told:
        raise DataError(
            f"--data {text}: expected labelled pictures to learn from, found none. Check the path"
        )
    remarks = tuple(remark for part in found for remark in part.remarks)
    names = frozenset(name for part in found if isinstance(part, Stills) for name in part.tally.names)
    if not any(one.tasks for one in told):
        Names.of(OWN, vocabulary).check(f"--data {text}", names, Tally())
    return Pictures(name_of(text), told, remarks, names, vocabulary)


def _items(part: Labelled) -> Sequence[Told]:
    if not isinstance(part, Stills):
        raise DataError(
            f"{part.name}: expected unrelated pictures to learn from, got a recorded drive. Write its "
            "frames and labels to a folder first"
        )
    return [item for item in part.items if isinstance(item, Picture | Record)]  # no crops, no blank frames


@cache
def own_sets(data: Path, known: tuple[str, ...], vocabulary: Vocabulary = OURS) -> tuple[Pictures, ...]:
    """The sets of a folder in our own format that no reader of `perception.training.data` is for."""
    try:
        dataset = read_folder(data, "train", lanes.CLASSES, Names.of(OWN, vocabulary))
    except NoLabels:
        return ()
    sets: dict[str, list[Told]] = {}
    for picture in pictures(dataset):
        if picture.sample.set not in known:
            sets.setdefault(picture.sample.set, []).append(picture)
    return tuple(
        Pictures(name, tuple(told), (), _classes_in(data, name), vocabulary) for name, told in sets.items()
    )


def _classes_in(data: Path, name: str) -> frozenset[str]:
    rows = [said for _, _, said in boxes.read(data, name=name)]
    return frozenset(n for said in rows for n in (*said.labelled, *(box.name for box in said.boxes)))


def sample_of(frame: Frame, truth: Truth, vocabulary: Vocabulary = OURS) -> Sample:
    """What can be learnt from a labelled frame. Raises DataError: the labels are for another size."""
    truth.check_size(frame)
    lines: Mapping[str, np.ndarray] = {}
    if truth.lines is not None:
        lines = _lines(truth.lines, truth.rules, frame.size)
    paint = truth.paint
    return Sample(
        name=frame.source,
        image=frame.image,
        boxes=None if truth.boxes is None else records.boxes_of(truth.boxes, vocabulary),
        negative_weight=None if truth.boxes is None else _negative_weight(truth.boxes, vocabulary.object_ids),
        drivable=None if truth.drivable is None else _certain(truth.drivable),
        paint=None if paint is None else np.where(paint == 1, CERTAIN, paint).astype(np.uint8),
        **lines,
    )


def _negative_weight(said: BoxLabels, classes: Sequence[str]) -> np.ndarray:
    return np.array([name in said.labelled for name in classes], np.float32)


def _certain(area: ClassMap) -> np.ndarray:
    return np.where(area.labels == 1, CERTAIN, np.where(area.labels == 0, 0, UNKNOWN)).astype(np.uint8)


def _lines(lines: Sequence[LaneLine], rules: Sequence[str], image: Size) -> dict[str, np.ndarray]:
    """`line`, and `edge` where road edges are labelled. Of lines that are labelled in part, see the rules."""
    scale = min(1.0, WIDEST / image[0])
    size = round(image[0] * scale), round(image[1] * scale)
    ratio = np.divide(size, image).astype(np.float32)
    points = {edge: [] for edge in (False, True)}  # type: dict[bool, list[np.ndarray]]
    for line in lines:
        points[lanes.CLASSES[line.kind] == "road_edge"].append(line.image * ratio)
    if PARTLY in rules:
        return {"line": partly_drawn(size, points[False], (RIGHT,))}
    if {TUSIMPLE, CULANE} & set(rules):
        return {"line": partly_drawn(size, points[False], SIDES)}
    edges = {"edge": drawn(size, points[True])} if EDGES in rules else {}
    return {"line": drawn(size, points[False]), **edges}

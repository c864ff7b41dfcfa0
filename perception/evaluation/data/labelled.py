"""Drives and data sets whose frames come with their truth. `KINDS` is the table of all formats.

To add a format: a file with an opener that gives `Labelled`s, and a line in the table.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Protocol

from perception.errors import DataError
from perception.evaluation.data.truth import Truth
from perception.types import Frame

__all__ = ["Labelled", "Still", "Stills", "Truth", "open_labelled"]


class Labelled(Protocol):
    """A drive or a part of a data set: small, can be pickled, opened where it is iterated."""

    @property
    def name(self) -> str:
        """Of letters, digits, "-", "_" and "."."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What was left out and why, for people."""

    @property
    def lost(self) -> int:
        """Frames that could not be read, so far in a pass."""

    def parts(self, size: int) -> Sequence[Labelled]:
        """Pieces of at most `size` frames, if the frames are unrelated pictures; a drive is one piece."""

    def __iter__(self) -> Iterator[tuple[Frame, Truth]]:
        """Frames in order, `seq` counting from 0 through all parts. Raises DataError, SourceError."""


class Still(Protocol):
    """A labelled picture that is not yet read. Can be pickled."""

    def read(self, seq: int) -> tuple[Frame, Truth]:
        """Raises DataError."""


@dataclass(frozen=True)
class Stills:
    """Unrelated labelled pictures."""

    name: str
    items: tuple[Still, ...]
    remarks: tuple[str, ...] = ()
    first: int = 0  # seq of the first
    lost: ClassVar[int] = 0  # one that cannot be read is an error

    def parts(self, size: int) -> list[Stills]:
        if size < 1:
            raise ValueError(f"expected parts of at least one frame, got {size}")
        starts = range(0, len(self.items), size)
        return [replace(self, items=self.items[i : i + size], first=self.first + i) for i in starts]

    def __iter__(self) -> Iterator[tuple[Frame, Truth]]:
        for seq, item in enumerate(self.items, self.first):
            yield item.read(seq)


Opener = Callable[[str], list[Labelled]]


def _data(text: str) -> list[Labelled]:
    from perception.evaluation.data.own import open_data

    return open_data(text)


def _synthetic(text: str) -> list[Labelled]:
    from perception.evaluation.synthetic import open_worlds

    return open_worlds(text)


def _coco(text: str) -> list[Labelled]:
    from perception.evaluation.data.coco import open_coco

    return open_coco(text)


def _bdd100k(text: str) -> list[Labelled]:
    from perception.evaluation.data.bdd100k import open_bdd100k

    return open_bdd100k(text)


def _tusimple(text: str) -> list[Labelled]:
    from perception.evaluation.data.tusimple import open_tusimple

    return open_tusimple(text)


def _culane(text: str) -> list[Labelled]:
    from perception.evaluation.data.culane import open_culane

    return open_culane(text)


def _drive(text: str) -> list[Labelled]:
    from perception.evaluation.data.drive import open_drive_labels

    return open_drive_labels(text)


KINDS: dict[str, Opener] = {
    "data": _data,
    "synthetic": _synthetic,
    "coco": _coco,
    "bdd100k": _bdd100k,
    "tusimple": _tusimple,
    "culane": _culane,
    "drive": _drive,
}
FILES = (  # the first of these that is in a folder tells its format
    ("det.jsonl", "data"),
    ("lanes_drawn.json", "data"),
    ("signs.csv", "data"),
    ("metadata.yaml", "drive"),
    ("annotations/instances_*.json", "coco"),
    ("images/100k", "bdd100k"),
    ("bdd100k/images/100k", "bdd100k"),
    ("label_data_*.json", "tusimple"),
    ("test_label.json", "tusimple"),
    ("test_tasks_*.json", "tusimple"),
    ("list/*.txt", "culane"),
    ("*.csv", "data"),
)
NAMES = ((r".*\.(mcap(\.part)?|db3|bag)(\?.*)?", "drive"), (r".*\.json", "coco"))  # of files


def open_labelled(text: str) -> list[Labelled]:
    """Labelled drives by their name on the command line. Raises DataError, SourceError.

    "drive.mcap", "drive:FOLDER"         a recording whose /truth/ topics say what there is to see
    "data:FOLDER[:SPLIT]"                pictures in the format of the driving data; SPLIT is val if not said
    "coco:ANNOTATIONS.json[:IMAGES]"     COCO boxes
    "bdd100k:FOLDER[:SPLIT]"             BDD100K as it is downloaded
    "tusimple:FOLDER", "culane:FOLDER[:LIST]"   lane lines
    "synthetic:SEED[:FRAMES][?conditions=NAMES]"   rendered pictures, by day or such as night+rain+ego

    Without a prefix, the format is that of the files in the folder.
    """
    prefix, _, rest = text.partition(":")
    try:
        if prefix in KINDS and not Path(text).exists():
            return KINDS[prefix](rest)
        return KINDS[_format(text)](text)
    except OSError as error:  # labels may name files that no system has, and unreadable ones
        raise DataError(f"{text}: expected labelled pictures, got: {error}"[:400]) from error


def split_place(text: str, default: str) -> tuple[Path, str]:
    """FOLDER[:SPLIT] into the two."""
    folder, colon, split = text.rpartition(":")
    return (Path(folder), split) if colon and not Path(text).exists() else (Path(text), default)


def file_name(text: str) -> str:
    """A name of letters, digits, "-", "_" and "."."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "drive"


def _format(text: str) -> str:
    for pattern, kind in NAMES:
        if re.fullmatch(pattern, text, re.IGNORECASE):
            return kind
    folder, _ = split_place(text, "")
    for pattern, kind in FILES:
        if folder.is_dir() and any(folder.glob(pattern)):
            return kind
    got = "no such file or folder" if not folder.exists() else "files of none of these formats"
    prefixes = ", ".join(f"{name}:" for name in KINDS)
    raise DataError(
        f"{text}: expected a labelled drive or one of {prefixes}, got {got}. Put its format before it"
    )

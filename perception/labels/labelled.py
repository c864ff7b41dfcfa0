"""Drives and data sets whose frames come with their truth."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar, Protocol, TypeVar

from perception.labels.tally import Tally
from perception.labels.truth import PARTS, Truth
from perception.labels.vocabulary import OURS, Vocabulary
from perception.types import Frame

T = TypeVar("T")


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
class Asked:
    """What of a data set is asked for, where its name does not say it."""

    split: str = "val"
    vocabulary: Vocabulary = OURS  # the classes of the network, and their names in data sets
    limit: int | None = None  # at most so many unrelated pictures of each set; None: all
    parts: tuple[str, ...] = PARTS  # what is to be judged


VAL = Asked()


@dataclass(frozen=True)
class Stills:
    """Unrelated labelled pictures."""

    name: str
    items: tuple[Still, ...]
    tally: Tally = field(default_factory=Tally)  # what was used of the data set, and what was not
    first: int = 0  # seq of the first
    lost: ClassVar[int] = 0  # one that cannot be read is an error

    @property
    def remarks(self) -> tuple[str, ...]:
        return self.tally.remarks()

    def thinned(self, limit: int) -> Stills:
        """At most `limit` of the pictures, evenly spaced."""
        return replace(self, items=tuple(spaced(self.items, limit)))

    def parts(self, size: int) -> list[Stills]:
        if size < 1:
            raise ValueError(f"expected parts of at least one frame, got {size}")
        starts = range(0, len(self.items), size)
        return [replace(self, items=self.items[i : i + size], first=self.first + i) for i in starts]

    def __iter__(self) -> Iterator[tuple[Frame, Truth]]:
        for seq, item in enumerate(self.items, self.first):
            yield item.read(seq)


def spaced(items: Sequence[T], limit: int) -> list[T]:
    """At most `limit` of the items, evenly spaced."""
    count = min(limit, len(items))
    return [items[k * len(items) // count] for k in range(count)]


def split_place(text: str, default: str) -> tuple[Path, str]:
    """FOLDER[:SPLIT] into the two."""
    folder, colon, split = text.rpartition(":")
    return (Path(folder), split) if colon and not Path(text).exists() else (Path(text), default)


def file_name(text: str) -> str:
    """A name of letters, digits, "-", "_" and "."."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "drive"

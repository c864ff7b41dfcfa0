"""Work that needs no network, in a module that other processes can import."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from perception.errors import BundleError, DataError
from perception.evaluation.work import Piece, Unit, Work
from perception.labels.truth import Truth
from perception.types import ClassMap, Frame


def units(*drives: list[str], size: int = 2) -> list[Unit]:
    """Drives of words, in parts of `size` words."""
    return [
        Unit(k, part, words[part * size : (part + 1) * size])
        for k, words in enumerate(drives)
        for part in range(-(-len(words) // size))
    ]


@contextmanager
def shouting() -> Iterator[Work]:
    yield shout


@contextmanager
def no_bundle() -> Iterator[Work]:
    raise BundleError("no bundle here")
    yield


@contextmanager
def dying() -> Iterator[Work]:
    os.kill(os.getpid(), signal.SIGKILL)
    yield shout


def shout(unit: Unit) -> Iterator[Piece]:
    """A piece for each word; some words are trouble."""
    for word in unit.labelled:
        if word == "bad":
            raise DataError("labels.json, line 3: expected JSON")
        if word == "bug":
            raise ValueError("a fault of the program")
        if word == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        yield Piece(unit.drive, unit.part, (word.upper(),), f"{word}\n".encode())


@dataclass(frozen=True)
class Clip:
    """A recorded drive of small grey pictures, half of each drivable; `bad`: the frame it cannot read."""

    name: str
    frames: int = 6
    bad: int = -1
    remarks: tuple[str, ...] = ()
    lost: ClassVar[int] = 0

    def parts(self, size: int) -> list[Clip]:
        return [self]

    def __iter__(self) -> Iterator[tuple[Frame, Truth]]:
        for seq in range(self.frames):
            if seq == self.bad:
                raise DataError(f"{self.name}: frame {seq} has no label")
            image = np.full((64, 96, 3), 40 + seq, np.uint8)
            tag = "timeofday:night" if seq % 2 else "timeofday:day"
            yield Frame(image, seq * 50_000_000, seq, f"{seq}.png"), Truth("town", drivable=HALF, tags=(tag,))


HALF = ClassMap((np.arange(64 * 96).reshape(64, 96) >= 32 * 96).astype(np.uint8), (96, 64))

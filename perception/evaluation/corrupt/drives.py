"""Labelled pictures made worse, which are seen and judged like any others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple
from zlib import crc32

import numpy as np

from perception.corruptions import SEVERITIES, corrupted
from perception.errors import DataError, PerceptionError
from perception.labels.labelled import Labelled, Still, Stills
from perception.labels.truth import Truth
from perception.sources.lens import Lens
from perception.types import Frame

WHOLE, NOTICED = "frame", "noticed:"  # tags
LASTS_S = 1.5


class Condition(NamedTuple):
    """A corruption at a severity of 1 to 5."""

    kind: str  # of CORRUPTIONS
    severity: int


@dataclass(frozen=True)
class Worse:
    """A labelled picture under a condition, with noise, drops or dirt of its own."""

    still: Still
    condition: Condition | None  # None: as it is
    seed: int  # of its set

    def read(self, seq: int) -> tuple[Frame, Truth]:
        """What the checks of a live camera say of it is among its tags. Raises DataError."""
        frame, truth = self.still.read(seq)
        if self.condition is not None:
            frame = replace(frame, image=corrupted(frame.image, *self.condition, (self.seed, seq)))
        if truth.crop is None:
            truth = replace(truth, tags=(*truth.tags, *complaints(frame.image)))
        return frame, truth


def under(condition: Condition | None, drive: Stills) -> Stills:
    """The pictures of a drive under a condition, which is in its name."""
    seed = crc32(drive.name.encode())
    items = tuple(Worse(still, condition, seed) for still in drive.items)
    return replace(drive, name=named(condition, drive.name), items=items)


def named(condition: Condition | None, name: str) -> str:
    """`gtsdb-val.fog.3`."""
    return ".".join([name, *map(str, condition or ())])


def complaints(image: np.ndarray) -> list[str]:
    """Tags: WHOLE, and what is wrong with a picture that lasts LASTS_S, reasons of `perception.health`."""
    lens = Lens()
    lens(image, 0.0)
    return [WHOLE, *(NOTICED + reason for reason in lens(image, LASTS_S))]


def conditions(kinds: Iterable[str], severities: Sequence[int]) -> list[Condition]:
    return [Condition(kind, severity) for kind in kinds for severity in severities]


def stills(drives: Iterable[Labelled]) -> list[Stills]:
    """Raises DataError for a recorded drive: what lies on a lens stays there from frame to frame."""
    found = []
    for drive in drives:
        if not isinstance(drive, Stills):
            raise DataError(
                f"{drive.name}: expected unrelated labelled pictures, got a recorded drive, in which drops, "
                "dirt and noise would jump from frame to frame. Use a data set, such as data:DIR:val"
            )
        found.append(drive)
    return found


def parsed(text: str) -> tuple[int, ...]:
    """Severities of "1,3,5". Raises PerceptionError."""
    words = [word for word in text.replace(",", " ").split() if word]
    if not words or not set(words) <= {str(severity) for severity in SEVERITIES}:
        raise PerceptionError(f"--severities: expected numbers from 1 to 5, such as 1,3,5, got {text!r}")
    return tuple(sorted({int(word) for word in words}))

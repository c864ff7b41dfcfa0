"""A labelled picture that is not yet read: where it is, and what is known of it, task by task.

Both learn from it and judge by it: `read` gives the picture and its truth.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from perception.labels.boxes import BoxLabels
from perception.labels.rows import read_image
from perception.labels.truth import Truth
from perception.types import ClassMap, Frame, LaneLine, Size


class Lines(Protocol):
    """The lane lines of a picture."""

    @property
    def rules(self) -> tuple[str, ...]:
        """By which they are judged (`truth`)."""

    @property
    def rows(self) -> tuple[int, ...]:
        """y of the rows at which they are labelled, for the rule of TuSimple."""

    @property
    def crossings(self) -> tuple[tuple[float, ...], ...]:
        """x at those rows as labelled, for that rule."""

    def read(self) -> tuple[LaneLine, ...]:
        """Near to far. Raises DataError."""


class Area(Protocol):
    """The drivable area of a picture."""

    def area(self, size: Size) -> ClassMap:
        """Of a picture of `size`: 1 drivable, 0 not, 255 not judged. Raises DataError."""


@dataclass(frozen=True)
class Record:
    """None: not labelled for that. Can be pickled."""

    set: str
    image: Path
    boxes: BoxLabels | None = None  # names the classes of which every object has its box
    lines: Lines | None = None
    drivable: Area | None = None
    tags: tuple[str, ...] = ()
    sign_names: tuple[str, ...] = ()  # what its signs may say; empty: nothing is known of that

    def read(self, seq: int) -> tuple[Frame, Truth]:
        frame = Frame(read_image(self.image), 0, seq, str(self.image))
        lines, tags = self.lines, (f"set:{self.set}", *self.tags)
        drivable = None if self.drivable is None else self.drivable.area(frame.size)
        truth = Truth(self.set, self.boxes, drivable=drivable, tags=tags)
        if self.boxes is not None and self.sign_names:
            truth = replace(truth, signs=self.boxes.signs(self.sign_names), sign_names=self.sign_names)
        if lines is None:
            return frame, truth
        return frame, replace(
            truth,
            lines=lines.read(),
            rules=lines.rules,
            rows=lines.rows,
            crossings=lines.crossings,
        )

    @property
    def drawn(self) -> tuple[LaneLine, ...]:
        """Its lane lines, if they are labelled. Raises DataError."""
        return () if self.lines is None else self.lines.read()

    @property
    def tasks(self) -> frozenset[str]:
        """The tasks about which it says something."""
        told = {"detection": self.boxes, "lanes": self.lines, "drivable": self.drivable}
        return frozenset(task for task, labels in told.items() if labels is not None)

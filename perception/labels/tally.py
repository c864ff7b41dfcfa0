"""What a reader used of a data set, and what it could not use, by reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from perception.labels.rows import counted

BEYOND = "boxes reach beyond their picture: cut, or left out if they lie outside"


@dataclass
class Tally:
    """Counted while a data set is read."""

    used: Counter[str] = field(default_factory=Counter)  # boxes by the name of their class in the data set
    unknown: Counter[str] = field(default_factory=Counter)  # boxes whose class is none of ours, by its name
    names: set[str] = field(default_factory=set)  # of all its classes, with or without boxes
    left_out: Counter[str] = field(default_factory=Counter)  # everything else, by reason
    notes: list[str] = field(default_factory=list)  # how something was understood

    def remarks(self) -> tuple[str, ...]:
        """For people."""
        found = [f"{count} {reason}" for reason, count in self.left_out.items() if count]
        if self.unknown:
            found.append(f"no class of ours, left out: {counted(self.unknown)}")
        return (*found, *self.notes)

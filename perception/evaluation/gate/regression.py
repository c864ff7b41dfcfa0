"""Scenes against stored scenes, field by field: did a change of code, bundle or machine change what is seen?

Neither needs labels. Objects and lines are paired first, so that one that is missing does not shift the rest.
Times and names of files are ignored, and so are keys that docs/scenes.md does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from perception.comparison import EXACT, NEVER, Element, Table, Tolerance, same
from perception.errors import SourceError, brief
from perception.fields import FIELDS
from perception.sinks.scenes import Record


@dataclass
class Finding:
    """All elements of one field of a drive."""

    field: str
    tolerance: Tolerance
    count: int = 0
    beyond: int = 0
    worst: float = 0.0
    first: tuple[int, str, str] | None = None  # frame, what it was and is, where it first went beyond

    @property
    def passed(self) -> bool:
        return self.beyond <= self.tolerance.share * self.count

    def add(self, element: Element, seq: int) -> None:
        self.count += 1
        self.worst = max(self.worst, element.difference)
        if element.difference > self.tolerance.limit + 1e-9:  # both numbers are rounded decimals
            self.beyond += 1
            self.first = self.first or (seq, element.was, element.now)

    def __str__(self) -> str:
        many = f"{self.beyond} of {self.count} beyond {self.tolerance.limit:g}"
        worst = "" if self.worst in (0, 1, NEVER) else f", at most by {self.worst:.3g}"
        if self.first is None:
            return f"{self.field}: {many}{worst}"
        seq, was, now = self.first
        allowed = f" (allowed: {self.tolerance.share:.1%})" if self.tolerance.share else ""
        return f"{self.field}: {many}{allowed}{worst}; first in frame {seq}: was {was}, is {now}"


def compare_scenes(reference: Iterable[Record], scenes: Iterable[Record], table: Table) -> list[Finding]:
    """Of every field; those that failed first, in the order of their frames.

    Raises SourceError for a record that is not as docs/scenes.md says.
    """
    found: dict[str, Finding] = {}
    seq = 0
    try:
        for was, now in _aligned(iter(reference), iter(scenes)):
            seq = (was or now or {})["seq"]
            for element in frame_elements(was, now):
                limits = table.get(element.field, EXACT)
                found.setdefault(element.field, Finding(element.field, limits)).add(element, seq)
    except (KeyError, TypeError, ValueError, IndexError) as error:
        wanted = "the fields of docs/scenes.md"
        raise SourceError(
            f"frame {seq}: expected {wanted}, got {brief(error)}; store the scenes again"
        ) from error
    return sorted(found.values(), key=lambda x: (x.passed, x.first[0] if x.first else NEVER))


def frame_elements(was: Record | None, now: Record | None) -> Iterator[Element]:
    """Everything that can be compared in a frame; None: the frame is missing on that side."""
    if was is None or now is None:
        yield Element("frames", NEVER, _presence(was), _presence(now))
        return
    yield Element("frames", 0.0)
    yield same("size", was["size"], now["size"])
    ran = [[field.name for field in FIELDS if field.task and field.name in record] for record in (was, now)]
    yield same("tasks", *ran)
    for field in FIELDS:
        if field.name in was and field.name in now:
            for element in field.compare(was[field.name], now[field.name], was["size"]):
                yield replace(element, field=f"{field.name}.{element.field}")


def _aligned(
    reference: Iterator[Record], scenes: Iterator[Record]
) -> Iterator[tuple[Record | None, Record | None]]:
    """Pairs by frame number, in order; both are read once and side by side."""
    was, now = next(reference, None), next(scenes, None)
    while was is not None or now is not None:
        if now is None or (was is not None and was["seq"] < now["seq"]):
            yield was, None
            was = next(reference, None)
        elif was is None or now["seq"] < was["seq"]:
            yield None, now
            now = next(scenes, None)
        else:
            yield was, now
            was, now = next(reference, None), next(scenes, None)


def _presence(record: Record | None) -> str:
    return "missing" if record is None else "there"

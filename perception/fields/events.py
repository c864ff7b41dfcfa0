"""`Scene.events` in JSON and the gate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from perception.comparison import Element, same
from perception.field import METRE, SCORE, Classes, Field, rounded
from perception.types import Event, Size

Row = dict[str, Any]


class EventsField(Field[tuple[Event, ...]]):
    """A list; empty: nothing that a driver must know."""

    name = "events"

    def to_json(self, value: tuple[Event, ...], classes: Classes) -> list[Row]:
        return [_to_json(event) for event in value]

    def from_json(self, value: list[Row], classes: Classes) -> tuple[Event, ...]:
        return tuple(Event(**row) for row in value)

    def compare(self, was: list[Row], now: list[Row], size: Size) -> Iterator[Element]:
        yield same("names", *(sorted(row["name"] for row in side) for side in (was, now)))


def _to_json(event: Event) -> Row:
    row: Row = {
        "name": event.name,
        "confidence": rounded(event.confidence, SCORE),
        "since_ns": event.since_ns,
    }
    if event.track is not None:
        row["track"] = event.track
    if event.value is not None:
        row["value"] = rounded(event.value, METRE)
    return row

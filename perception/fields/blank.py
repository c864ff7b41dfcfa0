"""`Scene.blank`."""

from __future__ import annotations

from perception.field import Classes, Field


class BlankField(Field[bool]):
    """`true`; the key is missing where something can be seen."""

    name = "blank"

    def to_json(self, value: bool, classes: Classes) -> bool | None:
        return value or None

    def from_json(self, value: bool, classes: Classes) -> bool:
        return value

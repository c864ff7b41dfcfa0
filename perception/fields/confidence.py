"""`Scene.confidence` in JSON and the gate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from perception.comparison import Element, Table, Tolerance, apart
from perception.field import SCORE, Classes, Field, rounded
from perception.types import Size

Said = Mapping[str, float]  # task -> 0..1


class ConfidenceField(Field[Said]):
    """A number for each task that found something."""

    name = "confidence"
    tolerances: Mapping[str, Table] = {
        "": {"confidence": Tolerance(0.02, 0.02)},
        "other": {"confidence": Tolerance(0.1, 0.1)},
    }

    def to_json(self, value: Said, classes: Classes) -> dict[str, float]:
        return {task: rounded(number, SCORE) for task, number in value.items()}

    def from_json(self, value: Said, classes: Classes) -> Said:
        return dict(value)

    def compare(self, was: Said, now: Said, size: Size) -> Iterator[Element]:
        for task in {**was, **now}:
            yield apart("confidence", was.get(task, 0.0), now.get(task, 0.0))

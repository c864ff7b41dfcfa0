"""`Scene.road_pitch` in JSON and the gate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from perception.comparison import Element, Table, Tolerance, apart
from perception.field import ANGLE, Classes, Field, rounded
from perception.types import Size


class RoadPitchField(Field[float]):
    """A number, radians."""

    name = "road_pitch"
    tolerances: Mapping[str, Table] = {"": {"angle": Tolerance(0.002, 0.02)}}

    def to_json(self, value: float, classes: Classes) -> Any:
        return rounded(value, ANGLE)

    def from_json(self, value: float, classes: Classes) -> float:
        return value

    def compare(self, was: float, now: float, size: Size) -> Iterator[Element]:
        yield apart("angle", was, now)

"""`Scene.age_ms` and `Scene.shed`: of live cameras."""

from __future__ import annotations

from perception.field import Classes, Field

DECIMALS = 1


class AgeField(Field[float]):
    """Milliseconds; the key is missing for recordings."""

    name = "age_ms"

    def to_json(self, value: float, classes: Classes) -> float:
        return round(value, DECIMALS)

    def from_json(self, value: float, classes: Classes) -> float:
        return value


class ShedField(Field[tuple[str, ...]]):
    """A list of tasks; the key is missing where all ran."""

    name = "shed"

    def to_json(self, value: tuple[str, ...], classes: Classes) -> list[str]:
        return list(value)

    def from_json(self, value: list[str], classes: Classes) -> tuple[str, ...]:
        return tuple(value)

    def count(self, value: tuple[str, ...], classes: Classes) -> dict[str, float]:
        return dict.fromkeys(value, 1.0)

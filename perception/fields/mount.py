"""`Scene.mount` in JSON and the gate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from perception.comparison import Element, same
from perception.field import ANGLE, Classes, Field, rounded
from perception.types import Mount, Size

NUMBERS = ("pitch", "yaw", "roll", "height")  # null: not known yet


class MountField(Field[Mount]):
    """An object: the state, the angles and the height, and how far they may be off."""

    name = "mount"

    def to_json(self, value: Mount, classes: Classes) -> dict[str, Any]:
        numbers = {name: _number(getattr(value, name)) for name in NUMBERS}
        sigma = {name: _number(sigma) for name, sigma in value.sigma.items()}
        return {"state": value.state, **numbers, "sigma": sigma}

    def from_json(self, value: dict[str, Any], classes: Classes) -> Mount:
        return Mount(**value)

    def compare(self, was: dict[str, Any], now: dict[str, Any], size: Size) -> Iterator[Element]:
        yield same("state", was["state"], now["state"])


def _number(value: float | None) -> Any:
    return None if value is None else rounded(value, ANGLE)

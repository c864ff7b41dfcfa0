"""How wide and how deep a network is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from perception.errors import DataError
from perception.types import Size

STAGES = 4  # of the encoder, at strides 4, 8, 16 and 32
WIDEST, DEEPEST = 1024, 64


def _whole(value: object, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= most


@dataclass(frozen=True)
class Shape:
    """Channels and blocks of each stage of the encoder, finest first, and channels of the neck.

    Integer kernels are fast where channels are multiples of 16. Raises DataError if it cannot be built.
    """

    widths: tuple[int, ...] = (32, 64, 128, 144)
    depths: tuple[int, ...] = (1, 3, 4, 2)
    neck: int = 64

    def __post_init__(self) -> None:
        for name, most in (("widths", WIDEST), ("depths", DEEPEST)):
            values = getattr(self, name)
            if len(values) != STAGES or not all(_whole(value, most) for value in values):
                raise DataError(f"shape.{name}: expected {STAGES} whole numbers of 1 to {most}, got {values}")
        if not _whole(self.neck, WIDEST):
            raise DataError(f"shape.neck: expected a whole number of 1 to {WIDEST}, got {self.neck}")

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Shape:
        """From JSON; what it does not say is as in the shipped network. Raises DataError."""
        known = [f.name for f in fields(cls)]
        if unknown := sorted(set(values) - set(known)):
            raise DataError(f"shape: expected {', '.join(known)}, got {', '.join(unknown)}")
        return cls(**{name: _tuple(name, value) for name, value in values.items()})


DEFAULT = Shape()  # of the shipped network


def _tuple(name: str, value: Any) -> Any:
    if name == "neck":
        return value
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise DataError(f"shape.{name}: expected {STAGES} whole numbers, got {value!r}")
    return tuple(value)


@dataclass(frozen=True)
class Design:
    """What decides how long a frame takes: an architecture, its shape and its input (width, height)."""

    sharing: str
    shape: Shape
    size: Size

    @property
    def megapixels(self) -> float:
        return self.size[0] * self.size[1] / 1e6

    def __str__(self) -> str:
        widths, depths = ("-".join(map(str, x)) for x in (self.shape.widths, self.shape.depths))
        return f"{self.sharing} {widths} x{depths} neck {self.shape.neck} {self.size[0]}x{self.size[1]}"

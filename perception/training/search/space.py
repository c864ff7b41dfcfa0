"""What is searched: the choices, and the network that one choice of each makes."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from perception.errors import DataError
from perception.model.shape import DEFAULT, STAGES, Design, Shape
from perception.model.sharing import SHARING
from perception.training.balance import BALANCE
from perception.types import Size

STRIDE = 32  # of which an input's sides are multiples
CHOICES: Mapping[str, tuple[Any, ...]] = {
    "sharing": ("hard", "branch1", "branch2", "branch3", "encoder_decoder"),
    "balance": ("equal", "static", "uncertainty", "dwa", "famo"),
    "width1": (16, 32, 48),
    "width2": (32, 48, 64, 96),
    "width3": (64, 96, 128, 160),
    "width4": (96, 144, 192),
    "depth1": (1, 2),
    "depth2": (1, 2, 3, 4),
    "depth3": (2, 3, 4, 5),
    "depth4": (1, 2, 3),
    "neck": (32, 48, 64, 96),
    "scale": (0.8, 1.0, 1.2),  # of the input, in training and in use
}
NAMES: Mapping[str, Collection[str]] = {"sharing": SHARING, "balance": BALANCE}
LIMITS = {"scale": (0.1, 4.0)}


@dataclass(frozen=True)
class Candidate:
    """`design` has the input that it is used with; `trained` is the one, often smaller, of its training."""

    design: Design
    balance: str
    trained: Size

    @property
    def name(self) -> str:
        """For people, tables and folders: the same for the same network."""
        return f"{self.balance} {self.design}"

    @property
    def folder(self) -> str:
        return self.name.replace(" ", "_")

    @property
    def settings(self) -> list[str]:
        """What `perception train --set` takes to train it."""
        at = [] if self.design.sharing == "hard" else ["balance_at=parameters"]
        return [
            f"sharing={self.design.sharing}",
            f"balance={self.balance}",
            *at,
            f"shape={json.dumps(asdict(self.design.shape))}",
            f"size={json.dumps(self.trained)}",
        ]


@dataclass(frozen=True)
class Space:
    """`choices`: what may be chosen, by name. `used` and `trained`: inputs (width, height) at scale 1."""

    choices: Mapping[str, tuple[Any, ...]]
    used: Size
    trained: Size

    @classmethod
    def of(cls, used: Size, trained: Size, chosen: Sequence[str] = ()) -> Space:
        """The default space with changes like `sharing=hard,branch2`. Raises DataError."""
        return cls({**CHOICES, **dict(map(_choice, chosen))}, used, trained)

    def candidate(self, chosen: Mapping[str, Any]) -> Candidate:
        widths, depths = (
            tuple(chosen[f"{name}{k + 1}"] for k in range(STAGES)) for name in ("width", "depth")
        )
        shape = Shape(widths, depths, chosen["neck"])
        used, trained = (scaled(size, chosen["scale"]) for size in (self.used, self.trained))
        return Candidate(Design(chosen["sharing"], shape, used), chosen["balance"], trained)

    @property
    def shipped(self) -> Candidate:
        """What is compared with, wherever it lies: the shipped architecture."""
        return Candidate(Design("hard", DEFAULT, self.used), "static", self.trained)

    def spread(self, count: int) -> list[Design]:
        """Designs from the smallest to the largest of each way to share, evenly spaced; the shipped one."""
        at = [k / max(1, count - 1) for k in range(count)]
        found = [
            self.candidate(
                {name: own[round(part * (len(own) - 1))] for name, own in self.ordered.items()}
                | {"sharing": sharing}
            ).design
            for sharing in self.choices["sharing"]
            for part in at
        ]
        return [*found, self.shipped.design]

    def smallest(self) -> list[Candidate]:
        """The smallest of each way to share."""
        least = {name: own[0] for name, own in self.ordered.items()}
        return [self.candidate({**least, "sharing": sharing}) for sharing in self.choices["sharing"]]

    def pairs(self) -> list[Design]:
        """Designs, the shipped one too, that hold every block: two widths meet in a block, never more.

        All pairs for one way to share; each width and neck for the others, which join the same parts.
        """
        axes = [self.choices[name] for name in ("width1", "width2", "width3", "width4", "neck")]
        most = range(max(map(len, axes)))
        first, *others = self.choices["sharing"]
        places = [(first, i, j, k) for i in most for j in most for k in most]
        places += [(sharing, k, k, k) for sharing in others for k in most]
        found: dict[tuple[str, Shape], None] = {}
        for sharing, i, j, k in places:
            *widths, neck = (own[at % len(own)] for own, at in zip(axes, (i, j, i, j, k), strict=True))
            found[sharing, Shape(tuple(widths), (2,) * STAGES, neck)] = None
        sizes = sorted({scaled(self.used, scale) for scale in self.choices["scale"]})
        designs = [Design(sharing, shape, size) for sharing, shape in found for size in sizes]
        return [*designs, self.shipped.design]

    @property
    def ordered(self) -> dict[str, Sequence[Any]]:
        """The choices, numbers from the smallest to the largest."""
        return {name: own if name in NAMES else sorted(own) for name, own in self.choices.items()}


def scaled(size: Size, scale: float) -> Size:
    """With its sides rounded to multiples of STRIDE."""
    width, height = (max(STRIDE, STRIDE * round(side * scale / STRIDE)) for side in size)
    return width, height


def size_of(text: str) -> Size:
    """An input `WIDTHxHEIGHT`. Raises DataError."""
    width, _, height = text.partition("x")
    if not (width.isdecimal() and height.isdecimal()) or scaled(size := (int(width), int(height)), 1) != size:
        raise DataError(f"--input: expected WIDTHxHEIGHT in multiples of {STRIDE}, got {text!r}")
    return size


def _choice(text: str) -> tuple[str, tuple[Any, ...]]:
    name, found, values = text.partition("=")
    if not found or name not in CHOICES:
        raise DataError(f"--choose {text}: expected NAME=VALUE,... with a name of {', '.join(CHOICES)}")
    parts = [part.strip() for part in values.split(",") if part.strip()]
    if name in NAMES:
        unknown = [part for part in parts if part not in NAMES[name]]
        if unknown or not parts:
            raise DataError(
                f"--choose {text}: expected of {', '.join(NAMES[name])}, got {', '.join(unknown)}"
            )
        return name, tuple(dict.fromkeys(parts))
    return name, tuple(dict.fromkeys(_number(text, name, part) for part in parts or [""]))


def _number(text: str, name: str, part: str) -> float | int:
    low, high = LIMITS.get(name, (1, 1024))
    try:
        value = float(part) if name in LIMITS else int(part)
    except ValueError:
        raise DataError(f"--choose {text}: expected numbers, got {part!r}") from None
    if not low <= value <= high:
        raise DataError(f"--choose {text}: expected {low:g} to {high:g}, got {part}")
    return value

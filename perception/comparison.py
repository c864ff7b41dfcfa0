"""How far two things lie apart, and how far they may."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

NEVER = float("inf")  # the difference between something and nothing


@dataclass(frozen=True)
class Element:
    """One thing that was compared."""

    field: str
    difference: float
    was: str = ""
    now: str = ""


@dataclass(frozen=True)
class Tolerance:
    """An element may differ by `limit`; of the elements of a drive, `share` may differ by more."""

    limit: float = 0.0  # in the unit of the field; names and kinds are equal (0) or not (1)
    share: float = 0.0


Table = Mapping[str, Tolerance]  # by the field of an element

EXACT = Tolerance()


def same(field: str, was: object, now: object) -> Element:
    """Of what is equal or not."""
    return Element(field, float(was != now), str(was), str(now))


def apart(field: str, was: float, now: float) -> Element:
    """Of two numbers."""
    return Element(field, abs(was - now), str(was), str(now))


def pairs(
    old: Sequence[Any], new: Sequence[Any], cost: np.ndarray, limit: float
) -> Iterator[tuple[Any | None, Any | None]]:
    """The nearest pair first by `cost` (old, new), up to `limit`; then what is left of either."""
    free = np.where(cost <= limit, cost, NEVER)
    left, right = list(range(len(old))), list(range(len(new)))
    while free.size and np.isfinite(free).any():
        i, j = divmod(int(free.argmin()), len(new))
        yield old[i], new[j]
        free[i, :], free[:, j] = NEVER, NEVER
        left.remove(i)
        right.remove(j)
    yield from ((old[i], None) for i in left)
    yield from ((None, new[j]) for j in right)


def presence(was: str | None, now: str | None) -> Iterator[Element]:
    """Of something that is on both sides or, as text, on one: it is missing now, or new."""
    if now is None:
        yield Element("missing", NEVER, str(was), "nothing")
    elif was is None:
        yield Element("new", NEVER, "nothing", now)
    else:
        yield Element("missing", 0.0)
        yield Element("new", 0.0)

"""What the tasks that users add have in common: which cells belong to a box, scores, names and colours.

An added task has one output of the main network, `NAME.scores` or `NAME.maps`, made by a small head on the
features of the frozen network. Its kind says what the output means.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np

from perception.tasks.tags import Colour
from perception.types import Size

Value = TypeVar("Value")
MOST = 64  # classes of a task
BETWEEN = "/"  # a task and its class where several tasks share a message: "weather/rain"
KNOWN: Mapping[str, Colour] = {  # blue, green, red
    "red": (60, 60, 235),
    "amber": (40, 180, 250),
    "yellow": (40, 180, 250),
    "green": (90, 210, 70),
    "off": (120, 120, 120),
    "road": (150, 90, 140),
    "pavement": (220, 60, 230),
    "sky": (230, 170, 90),
    "vegetation": (50, 150, 90),
    "building": (90, 100, 120),
    "vehicle": (200, 60, 20),
    "person": (60, 40, 220),
}
OTHERS: tuple[Colour, ...] = (
    (180, 120, 31),
    (14, 127, 255),
    (44, 160, 44),
    (189, 103, 148),
    (75, 86, 140),
    (194, 119, 227),
    (34, 189, 188),
    (207, 190, 23),
)


def colour_of(name: str, number: int) -> Colour:
    """Of a class: as its name says, else by its number."""
    return KNOWN.get(name, OTHERS[number % len(OTHERS)])


def softmax(logits: np.ndarray) -> np.ndarray:
    """(..., classes) to probabilities of the same shape, float32."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return (powers / powers.sum(-1, keepdims=True)).astype(np.float32)


def cells(xyxy: np.ndarray, grid: tuple[int, int], network: Size) -> np.ndarray:
    """(n, 4) int: first and last + 1 columns and rows of the cells whose middle is in a box, at least one.

    Args: xyxy (n, 4) network pixels; grid: (rows, columns) that cover the network's input.

    >>> cells(np.array([[0.0, 0, 20, 3]]), (4, 4), (32, 32)).tolist()
    [[0, 0, 2, 1]]
    """
    per = np.array([grid[1] / network[0], grid[0] / network[1]])
    corners = xyxy.reshape(-1, 2, 2) * per
    last = np.array([grid[1], grid[0]]) - 1
    low, high = np.ceil(corners[:, 0] - 0.5), np.ceil(corners[:, 1] - 0.5)
    middle = np.floor(corners.mean(1))
    none = low >= high
    low = np.clip(np.where(none, middle, low), 0, last)
    high = np.clip(np.where(none, middle + 1, high), low + 1, last + 1)
    return np.concatenate([low, high], 1).astype(int)


def named(classes: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Task -> its classes, of the names that `perception.fields.classes_of` gives a kind of tasks.

    >>> named(["weather/rain", "weather/day", "place/town"])
    {'weather': ('rain', 'day'), 'place': ('town',)}
    """
    found: dict[str, tuple[str, ...]] = {}
    for text in classes:
        task, _, name = text.partition(BETWEEN)
        found[task] = (*found.get(task, ()), name)
    return found


def with_task(found: Mapping[str, Value] | None, name: str, value: Value) -> dict[str, Value]:
    """A field of a scene with what one more task says."""
    return {**(found or {}), name: value}


def pairs(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[tuple[Any, Any]]:
    """What both sides say, task by task."""
    yield from ((was[name], now[name]) for name in was if name in now)

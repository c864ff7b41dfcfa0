"""What the fields of detections and of signs have in common: rows of boxes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import dist, hypot
from typing import Any

import numpy as np

from perception.comparison import NEVER, Element, apart, pairs, presence, same
from perception.tasks.detection.matching import overlaps

Row = dict[str, Any]

PAIRED_IOU = 0.5  # boxes that overlap less are different objects


def boxes(rows: Sequence[Row]) -> np.ndarray:
    """(n, 4) float32, image pixels."""
    return column(rows, "box", np.float32).reshape(-1, 4)


def column(rows: Sequence[Row], key: str, dtype: type) -> np.ndarray:
    """(n, ...) one value of every row; null becomes NaN."""
    return np.array([row[key] for row in rows], dtype)


def compared(old: Sequence[Row], new: Sequence[Row]) -> Iterator[Element]:
    """Boxes of one image, paired first: one that is missing does not shift the rest."""
    cost = 1 - overlaps(boxes(old), boxes(new), np.zeros(len(new), bool))
    for a, b in pairs(old, new, cost, 1 - PAIRED_IOU):
        yield from presence(_told(a), _told(b))
        if a is not None and b is not None:
            most = max(abs(x - y) for x, y in zip(a["box"], b["box"], strict=True))
            yield Element("box", most, str(a["box"]), str(b["box"]))
            yield apart("score", a["score"], b["score"])
            yield same("class", a["class"], b["class"])
            yield from _moved(a, b)


def _moved(a: Row, b: Row) -> Iterator[Element]:
    """Where stages placed an object, as a share of its distance, and its velocity, if both sides have it.

    Its number may be another one. What is known on one side only is apart by more than any limit.
    """
    for name in ("road", "velocity"):
        was, now = a.get(name), b.get(name)
        if was is None or now is None:
            continue
        far = 0.0 if was == now else NEVER if None in was or None in now else dist(was, now)
        scale = max(1.0, hypot(*was)) if name == "road" and None not in was else 1.0
        yield Element(name, far / scale, str(was), str(now))


def _told(row: Row | None) -> str | None:
    return None if row is None else f"{row['class']} of score {row['score']}"

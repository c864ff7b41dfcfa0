"""What is known of a drive over time: who is who, how far and how fast, and what a driver must know."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from perception.types import Detections


@dataclass(frozen=True, eq=False)
class Happening:
    """An event of one frame. As a rule by the definitions of docs/events.md."""

    name: str
    sure: bool  # must be told; else it may be
    number: int  # of the object; -1: none
    value: float
    left: float  # seconds until what it warns of; inf: not known


@dataclass(frozen=True, eq=False)
class Moving:
    """Of one frame. Rows of n objects."""

    number: np.ndarray  # (n,) int64: the same object has the same in all frames of a drive
    name: np.ndarray  # (n,) str: class
    xyxy: np.ndarray  # (n, 4) float64, pixels
    regions: np.ndarray  # (k, 4): where nothing is judged
    road: np.ndarray | None = None  # (n, 2) metres, vehicle frame, nearest point; None: not known
    velocity: np.ndarray | None = None  # (n, 2) m/s over the road, vehicle axes; None: not known
    happenings: tuple[Happening, ...] | None = None  # None: not known


def moving_of(
    found: Detections,
    classes: Sequence[str],
    regions: np.ndarray,
    happenings: tuple[Happening, ...] | None = None,
) -> Moving | None:
    """Of a truth whose objects have numbers; None: they have none."""
    if found.track is None:
        return None
    name = np.array([classes[i] for i in found.class_id], str)
    boxes = found.xyxy.astype(np.float64)
    return Moving(found.track, name, boxes, regions, found.road, found.velocity, happenings)

"""What is known of the things of a class before one is seen: how tall they are and how they move."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Kind:
    """Standard deviations are over the things of the class."""

    tall: float  # metres, the median
    spread: float  # standard deviation of its logarithm
    speed: tuple[float, float]  # standard deviation along the road and across, m/s
    acceleration: tuple[float, float]  # likewise, m/s^2
    # Tall and spread of lorries and the like, and their share.
    large: tuple[float, float, float] = (0.0, 0.0, 0.0)
    wheels: bool = True  # moves, and stands on the road, so that the foot of its box tells its distance


KINDS = {
    "vehicle": Kind(1.53, 0.13, (9.0, 2.0), (2.5, 1.5), (2.6, 0.28, 0.15)),
    "person": Kind(1.72, 0.10, (1.2, 1.2), (1.0, 1.0)),
    "cyclist": Kind(1.72, 0.08, (4.0, 2.0), (1.5, 1.0)),
    "motorbike": Kind(1.55, 0.15, (9.0, 2.0), (2.5, 1.5)),
    "traffic_light": Kind(0.9, 0.3, (0.3, 0.3), (0.1, 0.1), wheels=False),
    "traffic_sign": Kind(0.75, 0.3, (0.3, 0.3), (0.1, 0.1), wheels=False),
}
UNKNOWN = Kind(1.5, 0.4, (6.0, 3.0), (2.5, 2.0))  # another class


def as_rows(classes: Sequence[str]) -> np.ndarray:
    """(classes, 10) float64: tall, speed (2), acceleration (2), 1 where it never moves, spread, large (3)."""
    kinds = [KINDS.get(name, UNKNOWN) for name in classes]
    rows = [(k.tall, *k.speed, *k.acceleration, not k.wheels, k.spread, *k.large) for k in kinds]
    return np.array(rows, np.float64)

"""Where the own vehicle will go: between its lane lines, else along the arc that it drives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from perception.jit import compiled
from perception.stages.fit import bowed
from perception.types import Ego, LaneLine

HALF_WIDTH = 1.6  # metres: of the path where no lane is known; a car with a margin
LANE = 3.5  # metres: width of a lane of which one line is seen
NARROWEST, WIDEST = 2.4, 4.6  # metres: what is no lane
SHORTEST, LONG = 6.0, 20.0  # metres: of a line that tells the path, and of one that tells its bend
SLOWEST = 3.0  # m/s: below, the yaw rate says nothing of the path


class Path(NamedTuple):
    """Its middle is y = shift + slope x + bend x^2, metres, to the left positive."""

    shift: float = 0.0
    slope: float = 0.0
    bend: float = 0.0
    half_width: float = HALF_WIDTH
    by_lines: bool = False


def path_of(lanes: Sequence[LaneLine], ego: Ego | None) -> Path:
    sides = {line.role: line for line in lanes if line.role in ("ego_left", "ego_right")}
    curves = {role: found for role, line in sides.items() if (found := _curve(line)) is not None}
    if len(curves) == 2:
        left, right = curves["ego_left"], curves["ego_right"]
        width = left[0] - right[0]
        if NARROWEST <= width <= WIDEST:
            shift, slope, bend = (left + right) / 2
            return Path(shift, slope, bend, width / 2, True)
    if len(curves) == 1:
        ((role, (shift, slope, bend)),) = curves.items()
        side = LANE / 2 if role == "ego_left" else -LANE / 2
        if NARROWEST / 2 <= abs(shift) <= WIDEST / 2 + 0.5:
            return Path(shift - side, slope, bend, LANE / 2, True)
    if ego is not None and ego.yaw_rate is not None and ego.speed > SLOWEST:
        return Path(bend=ego.yaw_rate / (2 * ego.speed))
    return Path()


def _curve(line: LaneLine) -> np.ndarray | None:
    """(3,) shift, slope, bend of a line on the road; None: too short to tell."""
    if line.road is None:
        return None
    found = curve(line.road)
    return None if np.isnan(found[0]) else found


@compiled
def curve(road: np.ndarray) -> np.ndarray:
    """(3,) shift, slope, bend of points (n, 2), the near ones weighing more; NaN: too short to tell."""
    points, n = np.empty((3, len(road))), 0
    for k in range(len(road)):
        if np.isfinite(road[k, 0]) and np.isfinite(road[k, 1]):
            points[0, n], points[1, n], points[2, n] = road[k, 0], road[k, 1], 1 / max(road[k, 0], 5.0)
            n += 1
    x, y, weight = points[0, :n], points[1, :n], points[2, :n]
    out = np.full(3, np.nan)
    if n < 4 or x.max() - x.min() < SHORTEST:
        return out
    out[0], out[1], out[2] = bowed(x, y, weight, x.max() - x.min() > LONG)
    return out

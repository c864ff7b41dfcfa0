"""Where the own vehicle will go: between its lane lines, else along the arc that it drives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from perception.types import Ego, LaneLine

HALF_WIDTH = 1.6  # metres: of the path where no lane is known; a car with a margin
LANE = 3.5  # metres: width of a lane of which one line is seen
NARROWEST, WIDEST = 2.4, 4.6  # metres: what is no lane
SLOWEST = 3.0  # m/s: below, the yaw rate says nothing of the path


@dataclass(frozen=True)
class Path:
    """Its middle is y = shift + slope x + bend x^2, metres, to the left positive."""

    shift: float = 0.0
    slope: float = 0.0
    bend: float = 0.0
    half_width: float = HALF_WIDTH
    by_lines: bool = False

    def middle(self, x: float) -> float:
        return self.shift + x * (self.slope + x * self.bend)


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
    points = line.road[np.isfinite(line.road).all(1)].astype(np.float64)
    if len(points) < 4 or np.ptp(points[:, 0]) < 6:
        return None
    x, y = points.T
    degree = 2 if np.ptp(x) > 20 else 1
    fitted = np.polyfit(x, y, degree, w=1 / np.maximum(x, 5))
    found = np.zeros(3)
    found[: degree + 1] = fitted[::-1]
    return found

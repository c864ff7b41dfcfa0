"""An object relative to the ego path, and how it comes nearer."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from perception.jit import compiled
from perception.stages.assist.path import SLOWEST, Path
from perception.types import Ego

ASIDE_M, ASIDE = 0.25, 0.015  # standard deviation of a lateral position: metres, and a share of the distance
BRAKING, FULL_BRAKING = 2.5, 8.0  # m/s^2: what counts as braking, and the most that is believed
GROWS = 0.3  # 1/s: growth in the image that tells the closing speed better than the tracked velocity
ONCOMING, DOUBT = -3.0, 2.5  # m/s over the road: what is faster than that towards us; the most doubt of it
VEHICLES, PEOPLE = ("vehicle", "motorbike"), ("person", "cyclist")
RIDING = 7.0  # m/s: a slower motorbike is taken for a cyclist


class Thing(NamedTuple):
    """A tracked object, seen in this frame. Metres and seconds; None: not known."""

    track: int
    name: str  # of its class
    x: float | None = None  # ahead
    y: float | None = None  # left of the vehicle
    offset: float | None = None  # left of the middle of the ego path
    inside: float = 0.0  # probability that it is in the ego path
    sigma: float = 0.0  # of x
    closing: float | None = None  # m/s, positive: it comes nearer
    gaining: float = 0.0  # m/s^2: how `closing` grows
    drift: float | None = None  # m/s to the left, across the ego path
    speed: float | None = None  # m/s over the road, along the vehicle
    swelling: float | None = None  # rate of the logarithm of its size, 1/s: 1 / time to collision
    cut: bool = False  # its box ends at the side of the image, so that where it is across is not known
    known_s: float = math.inf  # for which its velocity has been known

    @property
    def is_person(self) -> bool:
        """On foot or on a bicycle. Two-wheelers look alike: one as slow as a bicycle is taken for one."""
        slow = self.name == "motorbike" and self.speed is not None and abs(self.speed) < RIDING
        return slow or self.name in PEOPLE

    @property
    def is_vehicle(self) -> bool:
        return self.name in VEHICLES and not self.is_person

    @property
    def time_to_collision(self) -> float | None:
        """Seconds; None: it does not come nearer, or nobody knows.

        From distance and speed where they are known, and where the object brakes with its acceleration (the
        enhanced time to collision of ISO 22839); else from the growth in the image (Lee 1976).
        """
        if self.x is not None and self.closing is not None:
            if self.closing <= 0:
                return None
            if self.gaining < BRAKING:
                return self.x / self.closing
            gaining = min(self.gaining, FULL_BRAKING)
            return (math.sqrt(self.closing**2 + 2 * gaining * self.x) - self.closing) / gaining
        return 1 / self.swelling if self.swelling and self.swelling > 0 else None

    def comes(self, ego: Ego | None) -> bool:
        """Whether it drives towards us, or might: its speed is not known where it could be, or not sure.

        A closing speed is as unsure as the distance, by which it is scaled. What stands does not come: the
        doubt is less than that.
        """
        if ego is None or self.x is None:
            return False
        if self.speed is None:
            return True
        closing = max(ego.speed - self.speed, (self.swelling or 0.0) * self.x)
        return ego.speed - closing - min(closing * self.sigma / self.x, DOUBT) <= ONCOMING


@compiled
def relative(
    place: np.ndarray, velocity: np.ndarray, swelling: np.ndarray, path: Path, speed: float, yaw_rate: float
) -> np.ndarray:
    """(n, 4) of things: metres left of the middle of the path, the probability that they are in it, how fast
    they come nearer and how fast they move across it to the left, m/s; NaN: not known.

    `place` (n, 3): metres ahead, to the left, and sigma; `velocity` (n, 2) m/s over the road; `swelling` (n,)
    1/s; `speed` m/s and `yaw_rate` rad/s of the vehicle; NaN: not known.

    The tracked velocity follows late when a thing brakes hard; growth in the image tells at once.
    """
    out = np.full((len(place), 4), np.nan)
    arc = 0.0 if math.isnan(yaw_rate) or not speed > SLOWEST else yaw_rate / speed
    for k in range(len(place)):
        x, vx, vy = place[k, 0], velocity[k, 0], velocity[k, 1]
        if math.isnan(x):
            out[k, 1] = 0.0
            continue
        out[k, 0] = place[k, 1] - (path.shift + x * (path.slope + x * path.bend))
        out[k, 1] = between(out[k, 0], path.half_width, math.hypot(ASIDE_M, ASIDE * x))
        if math.isnan(vx + vy + speed):
            continue
        out[k, 2] = speed - vx
        if swelling[k] > GROWS:
            out[k, 2] = max(out[k, 2], swelling[k] * x)
        out[k, 3] = across(vy - (path.slope + 2 * path.bend * x) * vx, vy - arc * x * vx)
    return out


@compiled
def between(offset: float, half_width: float, sigma: float) -> float:
    """The probability that a lateral position is within the path."""
    scale = sigma * math.sqrt(2)
    return 0.5 * (math.erf((half_width - offset) / scale) - math.erf((-half_width - offset) / scale))


@compiled
def across(by_path: float, by_arc: float) -> float:
    """m/s to the left of what moves against the direction of the path at its place.

    Lane lines tell that direction, and so does the arc that the vehicle drives. Either is wrong at times, the
    lines far ahead, the arc where a bend begins: what both say is believed.
    """
    if by_path * by_arc <= 0:
        return 0.0
    return by_path if abs(by_path) < abs(by_arc) else by_arc

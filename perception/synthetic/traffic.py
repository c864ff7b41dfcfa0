"""What moves: endless streams of vehicles, cyclists and walkers, one a lane or pavement."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from perception.synthetic.layout import Layout
from perception.synthetic.numbers import NONE, number_of
from perception.synthetic.people import Figure, Outfit, cyclist, motorcyclist, walker
from perception.synthetic.vehicles import Vehicle, random_vehicle

VEHICLE, PERSON, CYCLIST, MOTORBIKE, LIGHT, SIGN = range(6)  # classes of the detection task


# class, and the body or what makes it for a time
Made = tuple[int, Vehicle | Figure | Callable[[float], Figure]]


@dataclass(frozen=True, eq=False)
class Mover:
    s: float
    d: float
    yaw: float  # relative to the road
    class_id: int
    body: Vehicle | Figure
    number: int = NONE  # of the truth's `track`
    speed: float = 0.0  # m/s along the road
    aside: float = 0.0  # m/s to the left of it
    gain: float = 0.0  # m/s^2 along the road
    reach, behind = 7.0, 0.0


@dataclass(frozen=True, eq=False)
class Stream:
    """Number k is at k * spacing + jitter + speed * t, so gaps never close and t may be any time."""

    seed: tuple[int, ...]
    d: float
    speed: float  # m/s, negative: against the ego vehicle
    spacing: float  # metres
    share: float  # of the places that are taken
    make: Callable[[np.random.Generator], Made]
    known: dict[int, Made] = field(default_factory=dict)

    def near(self, t: float, s0: float, s1: float) -> Iterator[Mover]:
        """Those with s0 <= s <= s1 at time t."""
        offset = self.speed * t
        for k in range(int((s0 - offset) // self.spacing) - 1, int((s1 - offset) // self.spacing) + 2):
            rng = np.random.default_rng((*self.seed, k + 2**20))
            taken, jitter, side = rng.random(), rng.uniform(-0.3, 0.3), rng.normal(0, 0.2)
            s = (k + jitter) * self.spacing + offset
            if taken < self.share and s0 <= s <= s1:
                if k not in self.known:
                    self.known[k] = self.make(rng)
                class_id, figure = self.known[k]
                body = figure if isinstance(figure, Vehicle | Figure) else figure(t)
                yaw, number = np.pi if self.speed < 0 else 0.0, number_of(*self.seed, k)
                yield Mover(s, self.d + side, yaw, class_id, body, number, self.speed)


def streams(
    rng: np.random.Generator, seed: int, layout: Layout, speed: float, crowd: float = 1.0
) -> list[Stream]:
    """`speed`: of the ego vehicle, m/s; `crowd`: how many times as many walkers and two-wheelers."""
    found = []
    busy = rng.uniform(0.15, 0.95)
    for i, lane in enumerate(layout.lanes):
        v = speed * rng.uniform(0.85, 1.25) if lane.forward else -speed * rng.uniform(0.8, 1.2)
        if i == layout.ego:
            v = speed
        found.append(Stream((seed, 1, i), lane.d, v, max(22.0, speed * 1.8), busy, _road_user(0.1 * crowd)))
    for i, d in enumerate(layout.pavements):
        for j, v in enumerate((1.3, -1.3)):
            found.append(Stream((seed, 2, i, j), d + 0.5 * (j - 0.5), v, 9.0, 0.4 * busy * crowd, _walker))
    if layout.setting in ("town", "suburb", "country"):
        edge = layout.edges[0] + 0.7 if layout.right_hand else layout.edges[1] - 0.7
        if not layout.parking:
            found.append(Stream((seed, 3), edge, 5.0, 45.0 / crowd, 0.4, _cyclist))
    return found


def _road_user(motorcyclists: float) -> Callable[[np.random.Generator], Made]:
    """`motorcyclists`: their share, the rest are vehicles."""

    def make(rng: np.random.Generator) -> Made:
        if rng.random() < motorcyclists:
            return MOTORBIKE, motorcyclist(Outfit.random(rng), rng.random() < 0.5)
        return VEHICLE, random_vehicle(rng)

    return make


def _walker(rng: np.random.Generator) -> Made:
    outfit, phase, rate = Outfit.random(rng), float(rng.uniform(0, 6.28)), float(rng.uniform(5, 6.5))
    return PERSON, lambda t: walker(outfit, phase + rate * t)


def _cyclist(rng: np.random.Generator) -> Made:
    outfit, phase, helmet = Outfit.random(rng), float(rng.uniform(0, 6.28)), rng.random() < 0.5
    return CYCLIST, lambda t: cyclist(outfit, phase + 7.0 * t, helmet)

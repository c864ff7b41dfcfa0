"""What the rules look at: objects relative to the ego path, and how they come nearer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import erf, hypot, isfinite, log, nan, sqrt
from typing import NamedTuple

import numpy as np

from perception.kernels.cpu import compiled
from perception.stages.assist.path import SLOWEST, Path, path_of
from perception.stages.assist.rates import Rates
from perception.stages.fit import fitted
from perception.stages.follow import EDGE, EDGE_SHARE
from perception.types import Detections, Ego, Frame, LaneLine, Scene, Signs

ASIDE_M, ASIDE = 0.25, 0.015  # standard deviation of a lateral position: metres, and a share of the distance
BRAKING, FULL_BRAKING = 2.5, 8.0  # m/s^2: what counts as braking, and the most that is believed
GROWS = 0.3  # 1/s: growth in the image that tells the closing speed better than the tracked velocity
APART = 0.4  # m/s: two that tell the same drift do not differ more
ONCOMING, DOUBT = -3.0, 2.5  # m/s over the road: what is faster than that towards us; the most doubt of it
NEAR = ("ego_left", "ego_right")  # lines, by role
NEAREST, STRETCH = 12.0, 10.0  # metres: where a line must begin, and over which its direction is measured
WHEELS = 1.5  # metres: the front wheels, ahead of the camera
HALF_CAR = 0.9  # metres: half the width of a vehicle
VEHICLES, PEOPLE = ("vehicle", "motorbike"), ("person", "cyclist")
HELD_S = 1.0  # a velocity that is told no more, as while an object brakes hard, counts so long
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
            return (sqrt(self.closing**2 + 2 * gaining * self.x) - self.closing) / gaining
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


@dataclass(frozen=True)
class Situation:
    stamp_ns: int
    ego: Ego | None
    path: Path
    things: tuple[Thing, ...]
    sides: dict[str, tuple[float, float] | None]  # role -> metres to the left, m/s to the left; None: unknown
    readings: tuple[tuple[str, int, float], ...]  # signs: name, track, score


class Watch:
    """Makes the situation of each frame."""

    def __init__(self, classes: Sequence[str], signs: Sequence[str]) -> None:
        self._classes, self._signs = classes, signs
        self._sizes, self._speeds, self._sides = Rates[int](), Rates[int](), Rates[int | None]()
        self._told: dict[int, tuple[float, _Place]] = {}  # by track: when its velocity was told

    def clear(self) -> None:
        self._told.clear()
        self._sizes.clear()
        self._speeds.clear()
        self._sides.clear()

    def __call__(self, frame: Frame, scene: Scene) -> Situation:
        time_s = frame.stamp_ns / 1e9
        path = path_of(scene.lanes or (), frame.ego)
        sides = self._moving(time_s, _beside(scene.lanes or ()), frame.ego)
        return Situation(
            frame.stamp_ns,
            frame.ego,
            path,
            tuple(self._things(time_s, scene.detections, path, frame.ego, scene.size[0])),
            sides,
            tuple(self._read(scene.signs)),
        )

    def _things(
        self, time_s: float, found: Detections | None, path: Path, ego: Ego | None, width: int
    ) -> list[Thing]:
        if found is None or found.track is None:
            return []
        kept = found.track >= 0
        if found.age_ms is not None:
            kept &= ~(found.age_ms > 0)
        rows = np.flatnonzero(kept)
        tracks = found.track[rows].tolist()
        names = [self._classes[k] for k in found.class_id[rows].tolist()]
        tall = (found.xyxy[rows, 3] - found.xyxy[rows, 1]).tolist()
        swelling = self._sizes(
            time_s, {track: log(max(t, 1.0)) for track, t in zip(tracks, tall, strict=True)}
        )
        places = self._with_velocity(time_s, tracks, _places(found, rows, ego))
        left, right = found.xyxy[rows, 0], found.xyxy[rows, 2]
        edge = EDGE + EDGE_SHARE * (right - left)
        cut = ((left <= edge) | (right >= width - edge)).tolist()
        closing = {
            track: _closing(place, ego, swelling[track])
            for track, place in zip(tracks, places, strict=True)
            if ego is not None and place is not None and place.vx is not None
        }
        gaining = self._speeds(time_s, closing)
        return [
            _thing(
                track, name, place, path, ego, swelling[track], closing.get(track), gaining.get(track), ends
            )
            for track, name, place, ends in zip(tracks, names, places, cut, strict=True)
        ]

    def _with_velocity(
        self, time_s: float, tracks: list[int], places: list[_Place | None]
    ) -> list[_Place | None]:
        """Where it is not known, that of a moment ago."""
        self._told = {key: told for key, told in self._told.items() if time_s - told[0] <= HELD_S}
        for track, place in zip(tracks, places, strict=True):
            if place is not None and place.vx is not None:
                self._told[track] = time_s, place
        return [
            place._replace(vx=self._told[track][1].vx, vy=self._told[track][1].vy)
            if place is not None and track in self._told
            else place
            for track, place in zip(tracks, places, strict=True)
        ]

    def _moving(
        self, time_s: float, at: dict[str, _Side], ego: Ego | None
    ) -> dict[str, tuple[float, float] | None]:
        """A line that takes the role of another has not moved. Both lines of a lane move alike, and as the
        vehicle heads to them: of all that tell a drift, the two that are most alike are believed."""
        known = self._sides(time_s, {side.number: side.left for side in at.values()})
        rates = {role: rate for role, side in at.items() if (rate := known[side.number]) is not None}
        headings = _headings(at, ego)
        found: dict[str, tuple[float, float] | None] = dict.fromkeys(NEAR)
        drift = _alike(list(rates.values()), headings)
        if drift is not None:
            kept = at if headings else rates
            found |= {role: (at[role].left, drift) for role in kept}
        return found

    def _read(self, signs: Signs | None) -> list[tuple[str, int, float]]:
        if signs is None or signs.track is None:
            return []
        return [
            (self._signs[signs.class_id[k]], int(signs.track[k]), float(signs.score[k]))
            for k in range(len(signs))
            if signs.track[k] >= 0
        ]


class _Place(NamedTuple):
    """Where a thing is on the road, and how fast; metres, m/s."""

    x: float
    y: float
    sigma: float
    vx: float | None
    vy: float | None


def _places(found: Detections, rows: np.ndarray, ego: Ego | None) -> list[_Place | None]:
    """None: not known."""
    if found.road is None:
        return [None] * len(rows)
    road = found.road[rows].tolist()
    sigma = [0.1 * x for x, _ in road] if found.sigma_m is None else found.sigma_m[rows].tolist()
    speeds = [(nan, nan)] * len(rows)
    if ego is not None and found.velocity is not None:
        speeds = found.velocity[rows].tolist()
    return [
        _Place(x, y, s, *((vx, vy) if isfinite(vx + vy) else (None, None))) if isfinite(x + y) else None
        for (x, y), s, (vx, vy) in zip(road, sigma, speeds, strict=True)
    ]


def _closing(place: _Place, ego: Ego, swelling: float | None) -> float:
    """m/s. The tracked velocity follows late when a thing brakes hard; growth in the image tells at once."""
    assert place.vx is not None
    closing = ego.speed - place.vx
    return max(closing, swelling * place.x) if swelling is not None and swelling > GROWS else closing


def _thing(
    track: int,
    name: str,
    place: _Place | None,
    path: Path,
    ego: Ego | None,
    swelling: float | None,
    closing: float | None,
    gaining: float | None,
    cut: bool,
) -> Thing:
    if place is None:
        return Thing(track, name, swelling=swelling, cut=cut)
    x, y, sigma, vx, vy = place
    offset = y - path.middle(x)
    inside = _between(offset, path.half_width, hypot(ASIDE_M, ASIDE * x))
    drift = None if ego is None or vx is None or vy is None else _across(vx, vy, x, path, ego)
    return Thing(track, name, x, y, offset, inside, sigma, closing, gaining or 0.0, drift, vx, swelling, cut)


def _across(vx: float, vy: float, x: float, path: Path, ego: Ego) -> float:
    """m/s to the left of what moves with vx, vy over ground, against the direction of the path at its place.

    Lane lines tell that direction, and so does the arc that the vehicle drives. Either is wrong at times, the
    lines far ahead, the arc where a bend begins: what both say is believed.
    """
    arc = ego.yaw_rate / ego.speed * x if ego.yaw_rate is not None and ego.speed > SLOWEST else 0.0
    by_path, by_arc = vy - path.heading(x) * vx, vy - arc * vx
    if by_path * by_arc <= 0:
        return 0.0
    return min(by_path, by_arc, key=abs)


class _Side(NamedTuple):
    """A lane line near the vehicle."""

    number: int | None
    left: float  # metres, at the front wheels
    slope: float  # metres to the left a metre ahead
    ahead: float  # metres: where it has that slope


def _beside(lanes: Sequence[LaneLine]) -> dict[str, _Side]:
    """By role, of lines that are seen near the vehicle."""
    near = [line for line in lanes if line.role in NEAR and not line.predicted and line.road is not None]
    found = {line.role: _Side(line.id, *beside(line.road)) for line in near}
    return {role: side for role, side in found.items() if isfinite(side.left)}


def _headings(at: Mapping[str, _Side], ego: Ego | None) -> tuple[float, ...]:
    """m/s to the left of the lines beside the vehicle, as it drives on: if the road is straight, and if the
    vehicle turns because the road does. Nothing where the own motion is not known.

    They are told at once, where a rate needs a time.
    """
    if ego is None or ego.yaw_rate is None or not at:
        return ()
    straight = sum(side.slope for side in at.values()) / len(at) * ego.speed
    return straight, straight - ego.yaw_rate * sum(side.ahead for side in at.values()) / len(at)


def _alike(rates: Sequence[float], headings: Sequence[float]) -> float | None:
    """The mean of the two that differ least, of which one at least is a rate; None: they differ too much, or
    there is no rate."""
    if len(rates) == 1 and not headings:
        return rates[0]
    pairs = [*combinations(rates, 2), *product(rates, headings)]
    one, other = min(pairs, key=lambda pair: abs(pair[0] - pair[1]), default=(0.0, APART))
    return (one + other) / 2 if abs(one - other) < APART else None


@compiled
def beside(road: np.ndarray) -> tuple[float, float, float]:
    """Of a line (n, 2) on the road: metres to the left at the front wheels, its slope near them, and how far
    ahead it has that; NaN where it is not near."""
    points, n, nearest = np.empty((2, len(road))), 0, np.inf
    for k in range(len(road)):
        if np.isfinite(road[k, 0]) and np.isfinite(road[k, 1]):
            nearest = min(nearest, road[k, 0])
    farthest = nearest
    for k in range(len(road)):
        if road[k, 0] < nearest + STRETCH and np.isfinite(road[k, 1]):
            points[0, n], points[1, n] = road[k, 0], road[k, 1]
            farthest = max(farthest, road[k, 0])
            n += 1
    if n < 3 or nearest >= NEAREST or farthest - nearest <= 1:
        return np.nan, np.nan, np.nan
    slope, base = fitted(points[0, :n], points[1, :n])
    return base + slope * WHEELS, slope, points[0, :n].mean()


def _between(offset: float, half_width: float, sigma: float) -> float:
    """The probability that a lateral position is within the path."""

    def below(edge: float) -> float:
        return 0.5 * (1 + erf((edge - offset) / (sigma * sqrt(2))))

    return below(half_width) - below(-half_width)

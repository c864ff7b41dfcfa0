"""What the rules look at: objects relative to the ego path, and how they come nearer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from math import isfinite
from typing import NamedTuple

import numpy as np

from perception.jit import compiled
from perception.stages.assist.path import Path, path_of
from perception.stages.assist.rates import Rates
from perception.stages.assist.thing import Thing, relative
from perception.stages.fit import fitted
from perception.stages.follow import EDGE, EDGE_SHARE
from perception.types import Detections, Ego, Frame, LaneLine, Scene, Signs

APART = 0.4  # m/s: two that tell the same drift do not differ more
NEAR = ("ego_left", "ego_right")  # lines, by role
NEAREST, STRETCH = 12.0, 10.0  # metres: where a line must begin, and over which its direction is measured
WHEELS = 1.5  # metres: the front wheels, ahead of the camera
HALF_CAR = 0.9  # metres: half the width of a vehicle
HELD_S = 1.0  # a velocity that is told no more, as while an object brakes hard, counts so long


class _Told(NamedTuple):
    """A velocity, m/s ahead and to the left."""

    since_s: float  # when one was told first
    last_s: float
    velocity: tuple[float, float]


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
        self._told: dict[int, _Told] = {}  # by track

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
            self._things(time_s, scene.detections, path, frame.ego, scene.size[0]),
            sides,
            tuple(self._read(scene.signs)),
        )

    def _things(
        self, time_s: float, found: Detections | None, path: Path, ego: Ego | None, width: int
    ) -> tuple[Thing, ...]:
        if found is None or found.track is None:
            return ()
        kept = found.track >= 0
        if found.age_ms is not None:
            kept &= ~(found.age_ms > 0)
        found = found[kept]
        assert found.track is not None
        tracks, (left, top, right, bottom) = found.track.tolist(), found.xyxy.T
        sizes = np.log(np.maximum(bottom - top, 1)).tolist()
        swelling = self._sizes(time_s, dict(zip(tracks, sizes, strict=True)))
        grown = np.array([np.nan if rate is None else rate for rate in swelling.values()])
        place, (velocity, known_s) = _places(found), self._velocities(time_s, tracks, found, ego)
        x, y, sigma = (_known(column) for column in place.T)
        told = relative(place, velocity, grown, path, *_motion(ego))
        offset, inside, closing, drift = (_known(column) for column in told.T)
        gaining = self._speeds(
            time_s, {track: speed for track, speed in zip(tracks, closing, strict=True) if speed is not None}
        )
        names = [self._classes[k] for k in found.class_id.tolist()]
        edge = EDGE + EDGE_SHARE * (right - left)
        cut = ((left <= edge) | (right >= width - edge)).tolist()
        gained = [gaining.get(track) or 0.0 for track in tracks]
        speed = _known(velocity[:, 0])
        near = x, y, offset, inside, sigma, closing, gained, drift, speed
        return tuple(map(Thing, tracks, names, *near, swelling.values(), cut, known_s))

    def _velocities(
        self, time_s: float, tracks: list[int], found: Detections, ego: Ego | None
    ) -> tuple[np.ndarray, list[float]]:
        """(n, 2) m/s over the road; where one is not told, that of a moment ago; NaN: not known. And the
        seconds for which each has been known."""
        velocity, known_s = np.full((len(found), 2), np.nan), [0.0] * len(found)
        if ego is not None and found.velocity is not None:
            velocity[:] = found.velocity
        self._told = {track: told for track, told in self._told.items() if time_s - told.last_s <= HELD_S}
        for row, (track, (ahead, left)) in enumerate(zip(tracks, velocity.tolist(), strict=True)):
            told = self._told.get(track)
            if isfinite(ahead + left):
                told = _Told(told.since_s if told else time_s, time_s, (ahead, left))
                self._told[track] = told
            if told:
                velocity[row], known_s[row] = told.velocity, time_s - told.since_s
        return velocity, known_s

    def _moving(
        self, time_s: float, at: dict[str, _Side], ego: Ego | None
    ) -> dict[str, tuple[float, float] | None]:
        """A line that takes the role of another has not moved. Both lines of a lane move alike, and as the
        vehicle heads to them: of all that tell a drift, the two that are most alike are believed."""
        known = self._sides(time_s, {side.number: side.left for side in at.values()})
        rates = {role: rate for role, side in at.items() if (rate := known[side.number]) is not None}
        headings = _headings(at, ego)
        found: dict[str, tuple[float, float] | None] = dict.fromkeys(NEAR)
        drift = alike(list(rates.values()), headings)
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


def _places(found: Detections) -> np.ndarray:
    """(n, 3): metres ahead and to the left, NaN: not known, and the standard deviation of the distance."""
    place = np.full((len(found), 3), (np.nan, np.nan, 0.0))
    if found.road is not None:
        place[:, :2] = found.road
        place[:, 2] = 0.1 * place[:, 0] if found.sigma_m is None else found.sigma_m
        place[~np.isfinite(place[:, :2]).all(1)] = np.nan, np.nan, 0.0
    return place


def _motion(ego: Ego | None) -> tuple[float, float]:
    """Speed and yaw rate; NaN: not known."""
    if ego is None:
        return np.nan, np.nan
    return ego.speed, np.nan if ego.yaw_rate is None else ego.yaw_rate


def _known(values: np.ndarray) -> list[float | None]:
    return [value if value == value else None for value in values.tolist()]


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


def alike(rates: Sequence[float], headings: Sequence[float]) -> float | None:
    """The mean of the two that differ least, of which one at least is a rate. Where they differ by more than
    APART, the lesser of two that tell more than that, to one side; None: they do not, or there is no rate, or
    two rates contradict each other and a heading agrees with either."""
    if len(rates) == 1 and not headings:
        return rates[0]
    backed = [rate for rate in rates if any(abs(rate - heading) < APART for heading in headings)]
    if len(backed) == 2 and abs(backed[0] - backed[1]) >= APART:
        return None
    pairs = [*combinations(rates, 2), *product(rates, headings)]
    one, other = min(pairs, key=lambda pair: abs(pair[0] - pair[1]), default=(0.0, APART))
    if abs(one - other) < APART:
        return (one + other) / 2
    lesser = min(one, other, key=abs)
    return lesser if one * other > 0 and abs(lesser) > APART else None


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

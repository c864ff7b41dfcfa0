"""What the rules look at: objects relative to the ego path, and how they come nearer."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import erf, sqrt
from typing import Generic, TypeVar

import numpy as np

from perception.stages.assist.path import Path, path_of
from perception.types import Detections, Ego, Frame, LaneLine, Scene, Signs

K = TypeVar("K")
SPAN_S = 0.8  # over which rates are measured
SHORTEST_S = 0.35  # over less, a rate says nothing
ASIDE_M, ASIDE = 0.25, 0.015  # standard deviation of a lateral position: metres, and a share of the distance
BRAKING, FULL_BRAKING = 2.5, 8.0  # m/s^2: what counts as braking, and the most that is believed
GROWS = 0.3  # 1/s: growth in the image that tells the closing speed better than the tracked velocity
APART = 0.4  # m/s: more than that both own lane lines cannot differ; it is no drift but a tilt
NEAR = ("ego_left", "ego_right")  # lines, by role


@dataclass(frozen=True)
class Thing:
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
    drift: float | None = None  # m/s to the left, relative to the vehicle
    speed: float | None = None  # m/s over the road, along the vehicle
    swelling: float | None = None  # rate of the logarithm of its size, 1/s: 1 / time to collision

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


@dataclass(frozen=True)
class Situation:
    stamp_ns: int
    ego: Ego | None
    path: Path
    things: tuple[Thing, ...]
    sides: dict[str, tuple[float, float] | None]  # role -> metres to the left, m/s to the left; None: unknown
    readings: tuple[tuple[str, int, float], ...]  # signs: name, track, score


class Rates(Generic[K]):
    """The change of numbers over the last SPAN_S, by least squares. A key that is not told is forgotten."""

    def __init__(self) -> None:
        self._known: dict[K, deque[tuple[float, float]]] = {}

    def clear(self) -> None:
        self._known.clear()

    def __call__(self, time_s: float, values: Mapping[K, float]) -> dict[K, float | None]:
        self._known = {key: past for key, past in self._known.items() if key in values}
        return {key: self._rate(key, time_s, value) for key, value in values.items()}

    def _rate(self, key: K, time_s: float, value: float) -> float | None:
        past = self._known.setdefault(key, deque())
        past.append((time_s, value))
        while time_s - past[0][0] > SPAN_S:
            past.popleft()
        if time_s - past[0][0] < SHORTEST_S or len(past) < 3:
            return None
        times, values = np.array(past).T
        times = times - times.mean()
        return float(times @ (values - values.mean()) / (times @ times))


class Watch:
    """Makes the situation of each frame."""

    def __init__(self, classes: Sequence[str], signs: Sequence[str]) -> None:
        self._classes, self._signs = classes, signs
        self._sizes, self._speeds, self._sides = Rates[int](), Rates[int](), Rates[int | None]()

    def clear(self) -> None:
        self._sizes.clear()
        self._speeds.clear()
        self._sides.clear()

    def __call__(self, frame: Frame, scene: Scene) -> Situation:
        time_s = frame.stamp_ns / 1e9
        path = path_of(scene.lanes or (), frame.ego)
        sides = self._moving(time_s, _beside(scene.lanes or ()))
        return Situation(
            frame.stamp_ns,
            frame.ego,
            path,
            tuple(self._things(time_s, scene.detections, path, frame.ego)),
            sides,
            tuple(self._read(scene.signs)),
        )

    def _things(self, time_s: float, found: Detections | None, path: Path, ego: Ego | None) -> list[Thing]:
        if found is None or found.track is None:
            return []
        rows = [k for k in range(len(found)) if found.track[k] >= 0 and not _unseen(found, k)]
        heights = {int(found.track[k]): float(np.log(max(_height(found, k), 1.0))) for k in rows}
        swelling = self._sizes(time_s, heights)
        things = [self._thing(found, k, path, ego, swelling[int(found.track[k])]) for k in rows]
        speeds = {thing.track: thing.closing for thing in things if thing.closing is not None}
        gaining = self._speeds(time_s, speeds)
        return [replace(thing, gaining=gaining.get(thing.track) or 0.0) for thing in things]

    def _thing(self, found: Detections, k: int, path: Path, ego: Ego | None, swelling: float | None) -> Thing:
        assert found.track is not None
        track, name = int(found.track[k]), self._classes[found.class_id[k]]
        if found.road is None or not np.isfinite(found.road[k]).all():
            return Thing(track, name, swelling=swelling)
        x, y = map(float, found.road[k])
        sigma = 0.1 * x if found.sigma_m is None else float(found.sigma_m[k])
        offset = y - path.middle(x)
        inside = _between(offset, path.half_width, float(np.hypot(ASIDE_M, ASIDE * x)))
        speed = closing = drift = None
        if ego is not None and found.velocity is not None and np.isfinite(found.velocity[k]).all():
            vx, vy = map(float, found.velocity[k])
            closing = ego.speed - vx
            if swelling is not None and swelling > GROWS:  # its velocity follows late when it brakes hard
                closing = max(closing, swelling * x)
            speed = ego.speed - closing
            drift = vy - (ego.yaw_rate or 0.0) * x
        return Thing(
            track, name, x, y, offset, inside, sigma, closing, drift=drift, speed=speed, swelling=swelling
        )

    def _moving(
        self, time_s: float, at: dict[str, tuple[int | None, float]]
    ) -> dict[str, tuple[float, float] | None]:
        """A line that takes the role of another has not moved. Both lines of a lane move alike."""
        rates = self._sides(time_s, dict(at.values()))
        found: dict[str, tuple[float, float] | None] = dict.fromkeys(NEAR)
        for role, (number, place) in at.items():
            rate = rates[number]
            found[role] = None if rate is None else (place, rate)
        left, right = (found[role] for role in NEAR)
        if left is not None and right is not None:
            drift = (left[1] + right[1]) / 2
            alike = abs(left[1] - right[1]) < APART
            found = {
                role: (side[0], drift) if alike else None
                for role, side in zip(NEAR, (left, right), strict=True)
            }
        return found

    def _read(self, signs: Signs | None) -> list[tuple[str, int, float]]:
        if signs is None or signs.track is None:
            return []
        return [
            (self._signs[signs.class_id[k]], int(signs.track[k]), float(signs.score[k]))
            for k in range(len(signs))
            if signs.track[k] >= 0
        ]


def _beside(lanes: Sequence[LaneLine]) -> dict[str, tuple[int | None, float]]:
    """Role -> number, metres to the left at the front wheels, of lines that are seen near the vehicle."""
    found: dict[str, tuple[int | None, float]] = {}
    for line in lanes:
        if line.role in NEAR and not line.predicted and line.road is not None:
            x, y = line.road[np.isfinite(line.road).all(1)].T.astype(np.float64)
            close = x < x.min(initial=np.inf) + 10
            if close.sum() >= 3 and x.min() < 12 and np.ptp(x[close]) > 1:
                slope, base = np.polyfit(x[close], y[close], 1)
                found[line.role] = line.id, float(base + slope * 1.5)
    return found


def _between(offset: float, half_width: float, sigma: float) -> float:
    """The probability that a lateral position is within the path."""

    def below(edge: float) -> float:
        return 0.5 * (1 + erf((edge - offset) / (sigma * sqrt(2))))

    return below(half_width) - below(-half_width)


def _unseen(found: Detections, k: int) -> bool:
    return found.age_ms is not None and bool(found.age_ms[k] > 0)


def _height(found: Detections, k: int) -> float:
    return float(found.xyxy[k, 3] - found.xyxy[k, 1])

"""How things of a scenario move: along the road by constant accelerations, across it by smooth moves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from perception.synthetic.people import Figure
from perception.synthetic.vehicles import Vehicle


class Going(NamedTuple):
    """Where something is, and how that changes."""

    at: float  # metres
    rate: float  # m/s
    gain: float  # m/s^2


@dataclass(frozen=True)
class Ride:
    """Along the road. It may come to a stand, and stays there until a phase moves it."""

    speed: float  # m/s at time 0
    phases: tuple[tuple[float, float, float], ...] = ()  # from, to (seconds), m/s^2; in order, apart

    def __call__(self, t: float) -> Going:
        at, speed, now = 0.0, self.speed, 0.0
        for begin, end, gain in self.phases:
            if t <= begin:
                break
            at += speed * (begin - now)
            spent = min(t, end) - begin
            moving = spent if speed + gain * spent >= 0 else -speed / gain
            at += speed * moving + gain * moving**2 / 2
            speed = max(0.0, speed + gain * spent)
            now = begin + spent
            if t < end:
                return Going(at, speed, gain if moving == spent else 0.0)
        return Going(at + speed * (t - now), speed, 0.0)


@dataclass(frozen=True)
class Move:
    """From one place across the road to another: the speed grows, stays, and falls evenly."""

    begin: float  # seconds
    lasts: float
    metres: float  # to the left
    ramp: float = 0.4  # share of the time in which the speed grows, and in which it falls

    def __call__(self, t: float) -> Going:
        u = min(max((t - self.begin) / self.lasts, 0.0), 1.0)
        top = 1 / (1 - self.ramp)  # speed in the middle, in lengths a duration
        edge = min(u, 1 - u)
        share, rate, gain = u - self.ramp / 2, 1.0, 0.0
        if edge < self.ramp:
            share, rate = edge**2 / (2 * self.ramp), edge / self.ramp
            share, gain = (share, 1 / self.ramp) if u <= 0.5 else (1 / top - share, -1 / self.ramp)
        scale = self.metres * top
        return Going(scale * share, scale * rate / self.lasts, scale * gain * (0 < u < 1) / self.lasts**2)


@dataclass(frozen=True)
class Across:
    """Across the road: moves one after the other."""

    d: float  # metres left of the reference line at time 0
    moves: tuple[Move, ...] = ()

    def __call__(self, t: float) -> Going:
        parts = [move(t) for move in self.moves]
        return Going(
            self.d + sum(x.at for x in parts), sum(x.rate for x in parts), sum(x.gain for x in parts)
        )


@dataclass(frozen=True, eq=False)
class Actor:
    """Somebody whose movement is written down."""

    class_id: int
    body: Vehicle | Figure | Callable[[float], Figure]
    ahead: float  # metres from the camera to the middle at time 0, along the road
    ride: Ride
    across: Across
    yaw: float = 0.0  # of one who stands, relative to the road

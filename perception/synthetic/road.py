"""The course of the road: a plane curve, and road coordinates (s, d) along and left of it, in metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

STEP = 0.5  # metres between the samples of a strip
BEHIND, AHEAD = 30.0, 420.0  # metres of road around the vehicle that a strip covers


@dataclass(frozen=True, eq=False)
class Course:
    """Curvature is a sum of sines of s, so heading is known in closed form and the road never ends."""

    amplitude: np.ndarray  # (k,) 1/m
    wavenumber: np.ndarray  # (k,) rad/m
    phase: np.ndarray  # (k,) rad

    @classmethod
    def random(cls, rng: np.random.Generator, sharpest: float) -> Course:
        """`sharpest`: the largest curvature that may occur, 1/m."""
        share = rng.dirichlet((1.0, 1.0, 1.0))
        lengths = rng.uniform((260, 420, 700), (420, 700, 1600))
        return cls(sharpest * share, 2 * np.pi / lengths, rng.uniform(0, 2 * np.pi, 3))

    def heading(self, s: np.ndarray) -> np.ndarray:
        """Radians, positive to the left: the integral of the curvature."""
        angle = np.asarray(s, np.float64)[..., None] * self.wavenumber + self.phase
        return -(self.amplitude / self.wavenumber * np.cos(angle)).sum(-1)

    def strip(self, s: float, d: float, yaw: float) -> Strip:
        """The road as seen from a vehicle at (s, d) whose heading differs from the road's by `yaw`."""
        samples = s + np.arange(-BEHIND, AHEAD + STEP / 2, STEP)
        heading = self.heading(samples) - self.heading(np.array(s)) - yaw
        middle = (heading[1:] + heading[:-1]) / 2
        steps = np.stack([np.cos(middle), np.sin(middle)], -1) * STEP
        xy = np.concatenate([np.zeros((1, 2)), np.cumsum(steps, 0)])
        xy -= xy[round(BEHIND / STEP)] + d * np.array([np.sin(yaw), np.cos(yaw)])
        return Strip(samples, xy, heading)


@dataclass(frozen=True, eq=False)
class Strip:
    """A stretch of the road's reference line in vehicle coordinates."""

    s: np.ndarray  # (n,) metres along the road, every STEP
    xy: np.ndarray  # (n, 2) metres, vehicle frame
    heading: np.ndarray  # (n,) radians, relative to the vehicle

    def turn(self, s: np.ndarray | list[float] | float) -> np.ndarray:
        """Heading of the road at s, relative to the vehicle, radians."""
        return np.interp(s, self.s, self.heading)

    def to_vehicle(self, s: np.ndarray | list[float] | float, d: np.ndarray | float) -> np.ndarray:
        """Road coordinates to vehicle x, y: (..., 2)."""
        s, d = np.broadcast_arrays(np.asarray(s, np.float64), d)
        turn = self.turn(s)
        x = np.interp(s, self.s, self.xy[:, 0]) - d * np.sin(turn)
        y = np.interp(s, self.s, self.xy[:, 1]) + d * np.cos(turn)
        return np.stack([x, y], -1)

    @property
    def table(self) -> np.ndarray:
        """(n, 4) float32 x, y, cos, sin: what the ground shader reads."""
        return np.column_stack([self.xy, np.cos(self.heading), np.sin(self.heading)]).astype(np.float32)

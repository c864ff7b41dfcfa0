"""What is known of the mount: a mean and a variance for each number, told by many weak measurements.

A measurement whose error stays alike for some seconds (a slope ahead, the heading in the lane) is weakened by
as many as it repeats. Beside the mount goes a second estimate that forgets within seconds; where the two stay
apart, the camera has moved.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from perception.camera import CameraModel

DEGREE = math.pi / 180
NAMES = ("pitch", "yaw", "roll", "height")  # the height as the logarithm of its ratio to the camera's
FIRST = (5 * DEGREE, 5 * DEGREE, 3 * DEGREE, 0.25)  # standard deviation where nothing is known
DRIFT = (0.008 * DEGREE, 0.008 * DEGREE, 0.008 * DEGREE, 1e-4)  # growth by the square root of a second
FORGETS = 0.15 * DEGREE  # likewise, of the second estimate
FLOOR = (0.04 * DEGREE, 0.04 * DEGREE, 0.2 * DEGREE, 0.02)  # errors that no number of measurements removes
FAR = 2.5  # standard deviations from which a measurement counts as if it were no farther
KNOWN = (0.3 * DEGREE, 0.3 * DEGREE, 0.6 * DEGREE, 0.1)  # surer than that a number is told
SURE = 0.1 * DEGREE  # pitch and yaw of a calibrated mount
SETTLED = 8  # measurements of motion or 40 of lines before that
APART, SIGMAS, LASTS_S = 0.8 * DEGREE, 3.2, 3.0  # of the two estimates when the camera has moved


@dataclass
class Guess:
    """One number. `told` is a Kalman filter of one state."""

    mean: float
    var: float

    def told(self, value: float, var: float) -> None:
        total = self.var + var
        rest = value - self.mean
        far = abs(rest) / math.sqrt(total) / FAR
        if far > 1:
            rest /= far
        self.mean += self.var / total * rest
        self.var *= var / total


class Belief:
    """Starts from what `camera` says of its mount, with `sigma` of NAMES or without trust."""

    def __init__(self, camera: CameraModel, sigma: tuple[float, ...] = FIRST) -> None:
        means = (camera.pitch, camera.yaw, camera.roll, 0.0)
        self.camera = camera
        self.numbers = [Guess(mean, s * s) for mean, s in zip(means, sigma, strict=True)]
        self.recent = [replace(guess) for guess in self.numbers[:2]]
        self.told_by = {"motion": 0, "lines": 0}
        self.knocked = False  # it was moved and is not learnt again yet
        self._apart_s = 0.0

    def later(self, dt: float) -> None:
        """`dt` seconds pass."""
        for guess, drift in zip(self.numbers, DRIFT, strict=True):
            guess.var += drift * drift * dt
        for guess in self.recent:
            guess.var = min(guess.var + FORGETS**2 * dt, FIRST[0] ** 2)
        apart = any(map(_differ, self.recent, self.numbers)) and sum(self.told_by.values()) > SETTLED
        self._apart_s = self._apart_s + dt if apart else 0.0

    def told(self, by: str, pitch: tuple[float, float], yaw: tuple[float, float]) -> None:
        """`by` "motion" or "lines"; values and variances."""
        self.told_by[by] += 1
        for k, (value, var) in enumerate((pitch, yaw)):
            self.numbers[k].told(value, var)
            self.recent[k].told(value, var)

    def settle(self) -> float | None:
        """If the two estimates have stayed apart: begin from the recent one, and say by how far it moved."""
        if self._apart_s < LASTS_S:
            return None
        far = max(map(_far, self.recent, self.numbers))
        for k, guess in enumerate(self.recent):
            self.numbers[k] = Guess(guess.mean, guess.var + (0.5 * DEGREE) ** 2)
        self.numbers[2] = Guess(self.numbers[2].mean, FIRST[2] ** 2)
        self.recent = [replace(guess) for guess in self.numbers[:2]]
        self.told_by = dict.fromkeys(self.told_by, 0)
        self._apart_s, self.knocked = 0.0, True
        return far

    def sigma(self, k: int) -> float:
        return math.hypot(math.sqrt(self.numbers[k].var), FLOOR[k])

    @property
    def doubted(self) -> bool:
        """Whether the two estimates begin to part."""
        return max(map(_far, self.recent, self.numbers)) > APART / 2

    @property
    def calibrated(self) -> bool:
        enough = self.told_by["motion"] >= SETTLED or self.told_by["lines"] >= 5 * SETTLED
        return enough and max(self.sigma(0), self.sigma(1)) < SURE


def _far(new: Guess, old: Guess) -> float:
    return abs(new.mean - old.mean)


def _differ(new: Guess, old: Guess) -> bool:
    far = _far(new, old)
    return far > APART and far > SIGMAS * math.sqrt(new.var + old.var)

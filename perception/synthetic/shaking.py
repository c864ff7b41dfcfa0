"""What moves the camera against the road in a drive: knocks that last, and the pitching of the vehicle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from perception.camera import CameraModel

WAVES = 12  # sines that a pitching is made of
SLOW, FAST = 0.3, 2.5  # Hz: of a car body on its springs


@dataclass(frozen=True)
class Knock:
    """From `at` seconds on, the camera sits by so much otherwise, in radians as of CameraModel."""

    at: float
    pitch: float = 0.0
    yaw: float = 0.0
    roll: float = 0.0


@dataclass(frozen=True)
class Shaking:
    """The pitch of the vehicle is `bumps` radians in its standard deviation over time, 0 in its mean."""

    knocks: Sequence[Knock] = ()
    bumps: float = 0.0
    seed: int = 0
    _waves: np.ndarray = field(init=False, repr=False, compare=False)  # (WAVES, 2) rad/s and phase

    def __post_init__(self) -> None:
        rng = np.random.default_rng((self.seed, 17))
        waves = rng.uniform((SLOW, 0.0), (FAST, 1.0), (WAVES, 2)) * 2 * np.pi
        object.__setattr__(self, "_waves", waves)

    def mounted(self, camera: CameraModel, t: float) -> CameraModel:
        """`camera` as it sits in the vehicle after t seconds."""
        hit = [knock for knock in self.knocks if knock.at <= t]
        if not hit:
            return camera
        pitch, yaw, roll = (sum(getattr(k, name) for k in hit) for name in ("pitch", "yaw", "roll"))
        return replace(camera, pitch=camera.pitch + pitch, yaw=camera.yaw + yaw, roll=camera.roll + roll)

    def over_road(self, camera: CameraModel, t: float) -> CameraModel:
        """`camera` as it looks at the road in that moment: as mounted, in a vehicle that pitches."""
        mounted = self.mounted(camera, t)
        if not self.bumps:
            return mounted
        sway = np.sin(self._waves[:, 0] * t + self._waves[:, 1]).sum() * np.sqrt(2 / WAVES)
        return replace(mounted, pitch=mounted.pitch + self.bumps * float(sway))


STILL = Shaking()

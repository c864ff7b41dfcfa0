"""Sun, sky and air. Colours are BGR; light multiplies display values, it is not radiometry."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from perception.synthetic.conditions import Conditions

WEATHERS = ("sun", "overcast", "dusk")


@dataclass(frozen=True, eq=False)
class Light:
    weather: str
    ambient: np.ndarray  # (3,) factor from the whole sky
    direct: np.ndarray  # (3,) factor from the sun, on a surface that faces it
    azimuth: float  # of the sun, radians left of the road's direction at s = 0
    elevation: float  # of the sun, radians
    zenith: np.ndarray  # (3,) colour of the sky above
    horizon: np.ndarray  # (3,) colour of the sky low down, and of haze
    haze: float  # 1/m
    clouds: float  # 0..1, share of the sky
    wet: float  # 0..1, how much the road mirrors the sky

    def sun(self, heading: float) -> np.ndarray:
        """(3,) unit vector towards the sun in the frame of a vehicle with this heading."""
        azimuth, level = self.azimuth - heading, np.cos(self.elevation)
        return np.array([level * np.cos(azimuth), level * np.sin(azimuth), np.sin(self.elevation)])

    def on(self, normals: np.ndarray, sun: np.ndarray) -> np.ndarray:
        """Light (n, 3) on faces with unit normals (n, 3); faces that look up see more sky."""
        sky = 0.72 + 0.28 * normals[:, 2:]
        facing = np.clip(normals @ sun, 0, None)[:, None]
        return self.ambient * sky + self.direct * facing

    def fog(self, distance: np.ndarray | float) -> np.ndarray:
        """Share of haze colour in what is that many metres away."""
        return 1 - np.exp(-self.haze * np.asarray(distance))


def random_light(rng: np.random.Generator, conditions: Conditions | None = None) -> Light:
    """What follows in `rng` does not depend on the conditions."""
    weather = str(rng.choice(WEATHERS, p=(0.5, 0.36, 0.14)))
    plain = {"sun": _sunny, "overcast": _overcast, "dusk": _dusk}[weather](rng)
    return plain if conditions is None else _asked(rng.spawn(1)[0], conditions, plain)


def _asked(rng: np.random.Generator, conditions: Conditions, plain: Light) -> Light:
    if conditions.dark:
        return _even(rng, conditions)
    if conditions.hour == "low_sun":
        low = replace(_sunny(rng), azimuth=float(rng.normal(0, 0.5)), elevation=float(rng.uniform(0.04, 0.2)))
        return _under(rng, low, conditions.weather)
    if conditions.hour == "dusk":
        return _under(rng, _dusk(rng), conditions.weather)
    return _under(rng, _overcast(rng), conditions.weather) if conditions.weather else plain


def _under(rng: np.random.Generator, light: Light, weather: str) -> Light:
    """The same hour in fog, rain or snow."""
    haze = {"fog": 10 ** rng.uniform(-2.1, -1.25), "rain": 10 ** rng.uniform(-2.7, -1.8), "snow": 0.006}
    wet = {"rain": float(rng.uniform(0.45, 1.0)), "snow": float(rng.uniform(0, 0.5))}
    zenith = 0.3 * light.zenith + 0.7 * light.horizon if weather == "fog" else light.zenith
    clouds = 0.0 if weather == "fog" else light.clouds
    return replace(
        light,
        clouds=clouds,
        haze=float(haze.get(weather, light.haze)),
        wet=wet.get(weather, light.wet),
        zenith=zenith,
    )


def _even(rng: np.random.Generator, conditions: Conditions) -> Light:
    """From all sides, to be relit by lamps; the sky's colours are those of the night."""
    wet = float(rng.uniform(0.4, 1)) if conditions.weather == "rain" or rng.random() < 0.12 else 0.0
    town = np.array([95, 120, 160]) if rng.random() < 0.5 else np.array([120, 100, 90])
    horizon, zenith = town * rng.uniform(0.6, 1.2), np.array([80, 62, 55]) * rng.uniform(0.5, 1.2)
    even = np.full(3, 0.85)
    return Light(
        "overcast", even, 0.02 * even, 0.3, 1.2, zenith, horizon, 1e-4, float(rng.uniform(0, 1)), wet
    )


def _sunny(rng: np.random.Generator) -> Light:
    elevation = float(np.deg2rad(rng.uniform(18, 65)))
    warm = np.interp(elevation, (0.3, 0.9), (1.0, 0.0))
    direct = rng.uniform(0.5, 0.75) * np.array([0.86 - 0.16 * warm, 0.96 - 0.05 * warm, 1.04])
    ambient = rng.uniform(0.36, 0.5) * np.array([1.12, 1.0, 0.92])
    zenith = np.array([215, 150, 90]) * rng.uniform(0.85, 1.1) + rng.normal(0, 6, 3)
    horizon = np.array([236, 222, 206]) * rng.uniform(0.9, 1.06)
    clouds, haze = float(rng.uniform(0, 0.6)), float(rng.uniform(0.0004, 0.003))
    return Light(
        "sun",
        ambient,
        direct,
        float(rng.uniform(-np.pi, np.pi)),
        elevation,
        zenith,
        horizon,
        haze,
        clouds,
        0.0,
    )


def _overcast(rng: np.random.Generator) -> Light:
    ambient = rng.uniform(0.7, 0.95) * np.array([1.04, 1.0, 0.97])
    level = rng.uniform(165, 240)
    horizon, zenith = level * np.array([1.03, 1.01, 0.99]), level * rng.uniform(0.72, 0.95) * np.ones(3)
    wet = float(rng.uniform(0.2, 0.75)) if rng.random() < 0.35 else 0.0
    haze = float(rng.uniform(0.001, 0.012 if wet else 0.006))
    direct = 0.1 * ambient
    return Light("overcast", ambient * 0.95, direct, 0.3, 1.2, zenith, horizon, haze, 1.0, wet)


def _dusk(rng: np.random.Generator) -> Light:
    ambient = rng.uniform(0.32, 0.55) * np.array([1.1, 0.98, 0.95])
    horizon = np.array([150, 160, 190]) * rng.uniform(0.6, 1.0) + rng.normal(0, 8, 3)
    zenith = np.array([125, 92, 72]) * rng.uniform(0.5, 1.0)
    wet = float(rng.uniform(0.1, 0.5)) if rng.random() < 0.3 else 0.0
    azimuth = float(rng.uniform(-np.pi, np.pi))
    return Light("dusk", ambient, 0.06 * ambient, azimuth, 0.1, zenith, horizon, 0.002, 0.7, wet)

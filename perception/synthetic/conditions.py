"""What may be asked of a rendered scene beyond a plain day: hour, weather, glass, own vehicle."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

HOURS = ("day", "low_sun", "dusk", "night", "tunnel")
WEATHERS = ("fog", "rain", "snow")
GLASS = ("drops", "dirt")
EGO = "ego"
_HOURS = (0.42, 0.1, 0.08, 0.34, 0.06)  # shares in training
_WEATHERS = {"": 0.62, "fog": 0.08, "rain": 0.2, "snow": 0.1}


@dataclass(frozen=True)
class Conditions:
    hour: str = "day"
    weather: str = ""  # of WEATHERS; empty: as the hour brings it, from sun to a wet road
    glass: str = ""  # of GLASS; empty: clean
    ego: bool = False  # whether the own vehicle is in the picture

    @classmethod
    def parse(cls, text: str) -> Conditions:
        """From names joined by +, such as `night+rain+ego`. Raises ValueError."""
        names = text.split("+")
        chosen = {
            field: [name for name in names if name in known]
            for field, known in (("hour", HOURS), ("weather", WEATHERS), ("glass", GLASS), ("ego", (EGO,)))
        }
        if sum(map(len, chosen.values())) != len(names) or any(len(found) > 1 for found in chosen.values()):
            raise ValueError(
                f"{text}: expected names joined by +, at most one each of {'/'.join(HOURS)}, "
                f"{'/'.join(WEATHERS)}, {'/'.join(GLASS)} and {EGO}, such as night+rain+ego"
            )
        hour, weather, glass = ("".join(chosen[field]) for field in ("hour", "weather", "glass"))
        return cls(hour or "day", weather, glass, bool(chosen["ego"]))

    @classmethod
    def random(cls, rng: np.random.Generator) -> Conditions:
        """Everything that a network must cope with: a third at night, nearly half with the own vehicle."""
        hour = str(rng.choice(HOURS, p=_HOURS))
        weather = str(rng.choice(list(_WEATHERS), p=list(_WEATHERS.values()))) if hour != "tunnel" else ""
        drops = rng.random() < (0.5 if weather == "rain" else 0.03)
        glass = "drops" if drops else "dirt" if rng.random() < 0.14 else ""
        return cls(hour, weather, glass, bool(rng.random() < 0.45))

    @property
    def dark(self) -> bool:
        """Lamps light the scene, not the sky."""
        return self.hour in ("night", "tunnel")

    def __str__(self) -> str:
        return "+".join(filter(None, (self.hour, self.weather, self.glass, EGO if self.ego else "")))

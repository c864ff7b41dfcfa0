"""Things on a rendered road as they are: number, place, velocity."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from perception.synthetic.happenings import Other
from perception.synthetic.numbers import number_of
from perception.synthetic.scenery import Item, Parked, Standing
from perception.synthetic.traffic import CYCLIST, MOTORBIKE, PERSON, VEHICLE, Mover
from perception.synthetic.vehicles import Vehicle

FIGURE = (0.25, 0.25)  # metres: half length and half width of a person
RIDER = (0.9, 0.3)  # of a two-wheeler


@dataclass(frozen=True, eq=False)
class Who:
    number: int  # of the truth's `track`
    road: np.ndarray  # (2,) metres, vehicle frame: x of its nearest point, y of the middle of its near side
    velocity: np.ndarray  # (2,) m/s over the road, vehicle axes


def who(thing: Item | Mover, at: np.ndarray, turn: float, part: int = 0) -> Who:
    """`at` (2,): where it is in the vehicle frame, `turn`: heading of the road there, `part`: which one."""
    if isinstance(thing, Mover):
        number, along, aside = thing.number, thing.speed, thing.aside
    else:
        number, along, aside = _number_of_fixed(thing, part), 0.0, 0.0
    cos, sin = np.cos(turn), np.sin(turn)
    velocity = np.array([along * cos - aside * sin, along * sin + aside * cos])
    return Who(number, _near_side(at, turn + getattr(thing, "yaw", 0.0), half_size(thing)), velocity)


def half_size(thing: Item | Mover) -> tuple[float, float]:
    """Half its length and width, metres; 0 of what has none that matters."""
    body = thing.body if isinstance(thing, Mover) else thing.vehicle if isinstance(thing, Parked) else None
    if isinstance(body, Vehicle):
        return body.length / 2, body.width / 2
    if body is None:
        return 0.0, 0.0
    return RIDER if isinstance(thing, Mover) and thing.class_id in (CYCLIST, MOTORBIKE) else FIGURE


def _near_side(at: np.ndarray, yaw: float, half: tuple[float, float]) -> np.ndarray:
    ahead = half[0] * np.array([np.cos(yaw), np.sin(yaw)])
    left = half[1] * np.array([-np.sin(yaw), np.cos(yaw)])
    middles = np.stack([at + ahead, at - ahead, at + left, at - left])
    side = middles[np.hypot(*middles.T).argmin()]
    return np.array([at[0] - abs(ahead[0]) - abs(left[0]), side[1]])


def _number_of_fixed(thing: Item, part: int) -> int:
    return number_of(type(thing).__name__, round(1e3 * thing.s), round(1e3 * thing.d), part)


def other(thing: Item | Mover, s: float, tall: Mapping[int, float]) -> Other | None:
    """As one at `s` along the road judges it; `tall`: heights of the boxes by number. None: it is none."""
    x = thing.s - half_size(thing)[0] - s
    if isinstance(thing, Mover):
        height = tall.get(thing.number, 0.0)
        rates = thing.speed, thing.aside, thing.gain
        return Other(thing.number, thing.class_id, x, thing.d, *rates, height)
    if isinstance(thing, Parked | Standing):
        number = _number_of_fixed(thing, 0)
        class_id = VEHICLE if isinstance(thing, Parked) else PERSON
        return Other(number, class_id, x, thing.d, 0.0, 0.0, 0.0, tall.get(number, 0.0))
    return None

"""What a driver must know, by the exact state of a rendered drive and the definitions of docs/events.md.

Nothing here is measured or remembered. What is near the limit of a definition is not `sure`: a perfect
observer may report it or not. What is between the limits of begin and end is not sure either.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf, sqrt

from perception.synthetic.layout import Layout
from perception.synthetic.traffic import CYCLIST, MOTORBIKE, PERSON, VEHICLE

LEAST = 25 / 720  # height of an object, as a share of the picture's, that must be seen (KITTI, moderate)
LANE, PATH = 3.5, 3.2  # metres: of a lane with one line, of the path where there is none
NARROWEST, WIDEST = 2.4, 4.6  # metres: what is no lane
ASIDE = 0.3  # metres that an object must be inside or outside of the path to be surely so
FARTHEST = 60.0  # metres: leads farther away may be told
RIDING, NEARLY = 7.0, 1.0  # m/s: a slower motorbike is taken for a cyclist; nearer to that, for either
WHEEL = 0.9  # metres from the camera to the outside of a wheel
LIMITS = {0: 20, 1: 30, 2: 50, 3: 60, 4: 70, 5: 80, 7: 100, 8: 120}  # class of a sign -> km/h
ENDS = {6: (80,), 32: tuple(LIMITS.values())}  # class -> limits that it ends


@dataclass(frozen=True)
class Happening:
    """An event of one moment."""

    name: str  # as in docs/events.md
    sure: bool  # must be told; else it may be
    number: int = -1  # of the object, as in the truth's `track`; -1: none
    value: float = 0.0  # as in docs/events.md
    left: float = inf  # seconds until what it warns of


@dataclass(frozen=True)
class Other:
    """A thing on the road."""

    number: int
    class_id: int
    x: float  # metres from the camera to its near side, along the road
    d: float  # metres left of the reference line
    speed: float  # m/s along the road
    aside: float  # m/s to the left
    gain: float  # m/s^2 along the road
    tall: float  # height of its visible box, share of the picture's; 0: not asked for


@dataclass(frozen=True)
class Own:
    """The own vehicle."""

    d: float
    speed: float
    aside: float
    gain: float


@dataclass(frozen=True)
class Corridor:
    """The ego path, across."""

    middle: float
    half: float


def happenings(layout: Layout, own: Own, others: Sequence[Other]) -> Iterator[Happening]:
    """All but the speed limit, which is about what was passed."""
    path = corridor(layout, own.d)
    seen = [x for x in others if x.x > 0 and x.tall > 0]
    cars = [x for x in seen if x.class_id == VEHICLE or (_rides(x) and abs(x.speed) > RIDING - NEARLY)]
    lead = _lead(path, cars)
    yield from lead
    yield from _headway(own, lead)
    for car in cars:
        yield from _collision(path, own, car)
        yield from _cut_in(path, own, car)
    for one in seen:
        if one.class_id in (PERSON, CYCLIST) or (_rides(one) and abs(one.speed) < RIDING + NEARLY):
            yield from _person(path, own, one)
    yield from _departure(layout, own)


def corridor(layout: Layout, d: float) -> Corridor:
    """Between the painted lines beside `d`; by one of them; else straight on."""
    left, right = beside(layout, d)
    if left is not None and right is not None and NARROWEST <= left - right <= WIDEST:
        return Corridor((left + right) / 2, (left - right) / 2)
    if left is not None and left - d <= WIDEST / 2 + 0.5:
        return Corridor(left - LANE / 2, LANE / 2)
    if right is not None and d - right <= WIDEST / 2 + 0.5:
        return Corridor(right + LANE / 2, LANE / 2)
    return Corridor(d, PATH / 2)


def beside(layout: Layout, d: float) -> tuple[float | None, float | None]:
    """The nearest painted lines left and right of `d`."""
    left = min((line.d for line in layout.lines if line.d > d), default=None)
    right = max((line.d for line in layout.lines if line.d <= d), default=None)
    return left, right


def _rides(other: Other) -> bool:
    return other.class_id == MOTORBIKE


def _seen(other: Other) -> bool:
    """As what it is: near the limit, a motorbike may be told as a vehicle or as a person."""
    return other.tall >= LEAST and not (_rides(other) and abs(abs(other.speed) - RIDING) < NEARLY)


def _lead(path: Corridor, cars: Sequence[Other]) -> list[Happening]:
    """The nearest one; another behind a possible one is possible only."""
    found = list[Happening]()
    for car in sorted(cars, key=lambda car: car.x):
        out = abs(car.d - path.middle) - path.half
        if car.speed < -2.5 or out > 2 * ASIDE:
            continue
        first = not found
        sure = first and out < -ASIDE and car.x <= FARTHEST and car.speed > -2 and _seen(car)
        found.append(Happening("lead", sure, car.number, car.x))
        if out < -ASIDE and _seen(car):
            break
    return found


def _headway(own: Own, leads: Sequence[Happening]) -> Iterator[Happening]:
    for lead in leads:
        gap = lead.value / max(own.speed, 1e-6)
        if gap < 1.1 and own.speed > 7.5:
            yield Happening("headway", lead.sure and gap < 0.75 and own.speed > 8.5, lead.number, gap)


def time_to_collision(own: Own, other: Other) -> float:
    """Seconds; the enhanced one of ISO 22839 where the closing speed grows by more than 2.5 m/s^2."""
    closing, gaining = own.speed - other.speed, own.gain - other.gain
    if closing <= 0 and gaining <= 2.5:
        return inf
    if gaining <= 2.5:
        return other.x / closing
    return (sqrt(closing**2 + 2 * gaining * other.x) - closing) / gaining


def _collision(path: Corridor, own: Own, car: Other) -> Iterator[Happening]:
    """Sure from the limit itself, possible up to the one of its end and a tenth more."""
    closing, seconds = own.speed - car.speed, time_to_collision(own, car)
    out = abs(car.d - path.middle) - path.half
    if seconds > 3.6 * 1.1 or closing < 0.6 or car.speed < -3.5 or out > 2 * ASIDE:
        return
    sure = seconds < 2.8 and closing > 1.5 and car.speed > -2 and out < -ASIDE and _seen(car)
    yield Happening("collision", sure, car.number, seconds, seconds)


def _cut_in(path: Corridor, own: Own, car: Other) -> Iterator[Happening]:
    offset = car.d - path.middle
    inward = -(car.aside if offset > 0 else -car.aside)
    outside = abs(offset) - path.half - WHEEL  # of its near side
    reach = min(60.0, max(10.0, 3 * own.speed))
    if inward < 0.25 or car.x > 1.15 * reach or car.speed < -3.5 or outside < -2 * WHEEL - ASIDE:
        return
    seconds = max(0.0, outside) / inward
    if seconds < 1.5 * 1.5:
        sure = inward > 0.55 and car.x < 0.9 * reach and car.speed > -2 and seconds < 1.2 and outside > -WHEEL
        yield Happening("cut_in", sure and _seen(car), car.number, seconds, (outside + WHEEL) / inward)


def _person(path: Corridor, own: Own, one: Other) -> Iterator[Happening]:
    closing = own.speed - one.speed
    if closing < 0.4 or one.x / closing > 4 * 1.2:
        return
    seconds = one.x / closing
    now = one.d - path.middle
    then = now + one.aside * seconds
    near, far = min(abs(now), abs(then)) if now * then > 0 else 0.0, path.half + 0.4
    if near > far + 2 * ASIDE + 0.5:
        return
    inside = abs(now) < path.half - ASIDE
    walks = abs(one.aside) > 0.7 and near < far - ASIDE
    sure = (inside or walks) and seconds < 4 * 0.9 and closing > 0.8 and _seen(one)
    yield Happening("person_in_path", bool(sure), one.number, one.x, seconds)


def _departure(layout: Layout, own: Own) -> Iterator[Happening]:
    left, right = beside(layout, own.d)
    rooms = ((left, own.aside, 1.0), (right, -own.aside, -1.0))
    for line, towards, sign in rooms:
        if line is None or own.speed < 7.5 or towards < 0.1:
            continue
        room = sign * (line - own.d) - WHEEL
        seconds = max(0.0, room) / towards
        if seconds < 1.5 * 1.1 and room > -WHEEL:
            sure = seconds < 1.0 and towards > 0.25 and own.speed > 8.5 and room > -0.4
            yield Happening("lane_departure", sure, -1, seconds, seconds)

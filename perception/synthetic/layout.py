"""What a road is made of, across: lanes, lines, surfaces. d is metres left of the reference line."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

ASPHALT, PATCHED, GRAVEL, KERB, PAVEMENT, GRASS, FIELD, OPPOSITE = range(8)  # surface materials
DRIVABLE = (ASPHALT, PATCHED)
SOLID, DASHED, ROAD_EDGE = 1, 2, 4  # LaneLine.kind
WHITE, YELLOW = 0, 1
TAR, PALE, STEEL = 2, 3, 4  # colours of strokes that are no paint

# (painted, period, width) in metres: German country road, motorway, town; UK; France; US; Spain
DASHES = (
    (4, 12, 0.12),
    (6, 18, 0.15),
    (3, 9, 0.12),
    (2, 9, 0.10),
    (3, 13, 0.15),
    (3, 12.2, 0.12),
    (2, 7.5, 0.10),
)
SETTINGS = ("town", "suburb", "country", "motorway")


@dataclass(frozen=True)
class Stroke:
    """One painted band. `on` >= `period`: it never stops."""

    d: float  # of its middle
    width: float
    on: float
    period: float
    phase: float
    colour: int


@dataclass(frozen=True)
class Line:
    d: float  # middle of all its strokes: where the truth lies
    kind: int
    strokes: tuple[Stroke, ...]


@dataclass(frozen=True)
class Lane:
    d: float  # middle
    width: float
    forward: bool  # same direction as the ego vehicle


@dataclass(frozen=True)
class Layout:
    setting: str
    lanes: tuple[Lane, ...]
    ego: int  # index into lanes
    lines: tuple[Line, ...]
    bands: tuple[tuple[float, float, int], ...]  # (d from, d to, material), right to left, no gaps
    edges: tuple[float, float]  # carriageway: right and left end
    pavements: tuple[float, ...] = ()  # d of the middle of each
    parking: tuple[float, ...] = ()  # d of the middle of each strip of parked cars
    rails: tuple[float, ...] = ()  # d of guard rails
    right_hand: bool = True
    decor: tuple[Stroke, ...] = ()  # what runs along the road and is no line: tar, rails

    def mirrored(self) -> Layout:
        """The same road where one drives on the left."""
        return Layout(
            self.setting,
            tuple(Lane(-x.d, x.width, x.forward) for x in self.lanes),
            self.ego,
            tuple(Line(-x.d, x.kind, tuple(replace(k, d=-k.d) for k in x.strokes)) for x in self.lines),
            tuple((-b, -a, m) for a, b, m in reversed(self.bands)),
            (-self.edges[1], -self.edges[0]),
            _swapped(self.pavements),
            _swapped(self.parking),
            _swapped(self.rails),
            not self.right_hand,
            tuple(replace(k, d=-k.d) for k in self.decor),
        )


def _swapped(d: tuple[float, ...]) -> tuple[float, ...]:
    return tuple(-x for x in reversed(d))


def solid(rng: np.random.Generator, d: float, colour: int = WHITE, width: float | None = None) -> Line:
    width = float(rng.choice((0.1, 0.12, 0.15, 0.2))) if width is None else width
    return Line(d, SOLID, (Stroke(d, width, 1.0, 1.0, 0.0, colour),))


def dashed(rng: np.random.Generator, d: float, colour: int = WHITE) -> Line:
    on, period, width = DASHES[rng.integers(len(DASHES))]
    return Line(d, DASHED, (Stroke(d, width, on, period, float(rng.uniform(0, period)), colour),))


def double(rng: np.random.Generator, d: float, colour: int = WHITE) -> Line:
    """Two strokes 10-18 cm apart: both solid, or one of them dashed."""
    width, gap = float(rng.uniform(0.1, 0.14)), float(rng.uniform(0.1, 0.18))
    half = (width + gap) / 2
    first = Stroke(d - half, width, 1.0, 1.0, 0.0, colour)
    on, period = (1.0, 1.0) if rng.random() < 0.6 else (3.0, 9.0)
    return Line(d, SOLID, (first, Stroke(d + half, width, on, period, 0.0, colour)))


def centre(rng: np.random.Generator, d: float, colour: int) -> Line:
    """The line between the two directions."""
    make = (dashed, solid, double)[rng.choice(3, p=(0.6, 0.15, 0.25))]
    return make(rng, d, colour)


@dataclass
class _Side:
    """Builds the surfaces outwards from the carriageway's edge, on the right; d counts outwards."""

    bands: list[tuple[float, float, int]] = field(default_factory=list)
    at: float = 0.0

    def add(self, width: float, material: int) -> float:
        """Returns the middle of the new band."""
        self.bands.append((self.at, self.at + width, material))
        self.at += width
        return self.at - width / 2


def random_layout(rng: np.random.Generator) -> Layout:
    setting = str(rng.choice(SETTINGS, p=(0.3, 0.2, 0.3, 0.2)))
    layout = motorway(rng) if setting == "motorway" else two_way(rng, setting)
    return layout if rng.random() < 0.68 else layout.mirrored()


def two_way(rng: np.random.Generator, setting: str) -> Layout:
    """Traffic in both directions, the reference line between them."""
    mine = int(rng.choice((1, 2), p=(0.75, 0.25))) if setting == "town" else 1
    width = float(rng.uniform(2.8, 3.6))
    lanes = [Lane(-width * (i + 0.5), width, True) for i in range(mine)]
    lanes += [Lane(width * (i + 0.5), width, False) for i in range(mine)]
    colour = YELLOW if rng.random() < 0.12 else WHITE
    lines = [] if setting == "suburb" and rng.random() < 0.4 else [centre(rng, 0.0, colour)]
    lines += [dashed(rng, side * width * i) for i in range(1, mine) for side in (-1, 1)]
    right, left = _Side(at=width * mine), _Side(at=width * mine)
    if setting == "country":
        lines += _country_sides(rng, right, left)
        extras: dict[str, tuple[float, ...]] = {"rails": (-right.at + 0.3,) if rng.random() < 0.3 else ()}
    else:
        lines += _town_lines(rng, width * mine)
        extras = _town_sides(rng, right, left)
    return _assemble(setting, lanes, int(rng.integers(mine)), lines, right, left, extras)


def _country_sides(rng: np.random.Generator, right: _Side, left: _Side) -> list[Line]:
    """Edge lines, a narrow paved rim, then gravel and grass."""
    edge, lines = right.at, []
    if rng.random() < 0.75:
        lines = (
            [solid(rng, -edge), solid(rng, edge)]
            if rng.random() < 0.8
            else [dashed(rng, -edge), dashed(rng, edge)]
        )
    rim = float(rng.uniform(0.2, 1.2)) if lines else float(rng.uniform(0.1, 0.4))
    for side in (right, left):
        side.add(rim, ASPHALT)
        if rng.random() < 0.7:
            side.add(float(rng.uniform(0.3, 1.5)), GRAVEL)
        side.add(float(rng.uniform(2, 9)), GRASS)
        side.add(200, FIELD if rng.random() < 0.5 else GRASS)
    return lines


def _town_lines(rng: np.random.Generator, edge: float) -> list[Line]:
    if rng.random() < 0.6:
        return []
    make = solid if rng.random() < 0.7 else dashed
    return [make(rng, side * (edge - 0.25)) for side in (-1, 1)]


def _town_sides(rng: np.random.Generator, right: _Side, left: _Side) -> dict[str, tuple[float, ...]]:
    """Perhaps parked cars, then kerb, pavement, and grass or more pavement up to the houses."""
    parking, pavements = [], []
    for sign, side in ((-1, right), (1, left)):
        if rng.random() < 0.45:
            parking.append(sign * side.add(float(rng.uniform(2.0, 2.4)), PATCHED))
        else:
            side.add(float(rng.uniform(0.1, 0.8)), ASPHALT)
        side.add(0.16, KERB)
        if rng.random() < 0.25:
            side.add(float(rng.uniform(0.8, 2)), GRASS)
        pavements.append(sign * side.add(float(rng.uniform(1.6, 4.0)), PAVEMENT))
        side.add(200, GRASS if rng.random() < 0.7 else PAVEMENT)
    return {"parking": tuple(sorted(parking)), "pavements": tuple(sorted(pavements))}


def motorway(rng: np.random.Generator) -> Layout:
    """One carriageway of 2-4 lanes with shoulders and a median; the other one beyond it."""
    count, width = int(rng.integers(2, 5)), float(rng.uniform(3.4, 3.75))
    lanes = [Lane(-width * (i + 0.5), width, True) for i in range(count)]
    divider = dashed(rng, 0.0).strokes[0]
    inner = YELLOW if rng.random() < 0.25 else WHITE
    lines = [solid(rng, 0.0, inner, 0.15), solid(rng, -width * count, WHITE, 0.2)]
    for i in range(1, count):
        stroke = Stroke(-width * i, 0.15, max(divider.on, 3), max(divider.period, 9), divider.phase, WHITE)
        lines.append(Line(stroke.d, DASHED, (stroke,)))
    right, left = _Side(at=width * count), _Side(at=0.0)
    right.add(float(rng.uniform(0.6, 3)), ASPHALT)
    rails = [-right.at - 0.4] if rng.random() < 0.6 else []
    right.add(float(rng.uniform(0.5, 1.2)), GRAVEL)
    right.add(200, GRASS)
    left.add(float(rng.uniform(0.5, 1.5)), ASPHALT)
    rails.append(left.at + 0.3)
    return _assemble(
        "motorway",
        lanes,
        int(rng.integers(count)),
        lines,
        right,
        _median(rng, left, count * width),
        {"rails": tuple(rails)},
    )


def _median(rng: np.random.Generator, left: _Side, carriageway: float) -> _Side:
    left.add(float(rng.uniform(1.5, 5)), GRASS if rng.random() < 0.7 else GRAVEL)
    left.add(carriageway + 2.5, OPPOSITE)
    left.add(200, GRASS)
    return left


def _assemble(
    setting: str,
    lanes: list[Lane],
    ego: int,
    lines: list[Line],
    right: _Side,
    left: _Side,
    extras: dict[str, tuple[float, ...]],
) -> Layout:
    first, last = right.bands[0][0], left.bands[0][0]
    bands = [(-b, -a, m) for a, b, m in reversed(right.bands)] + [(-first, last, ASPHALT), *left.bands]
    paved = [(a, b) for a, b, m in bands if m in DRIVABLE]
    return Layout(
        setting,
        tuple(lanes),
        ego,
        tuple(sorted(lines, key=lambda x: -x.d)),
        tuple(bands),
        (paved[0][0], paved[-1][1]),
        extras.get("pavements", ()),
        extras.get("parking", ()),
        extras.get("rails", ()),
    )

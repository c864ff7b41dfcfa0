"""What makes roads differ beyond a plain one: kerbs, barriers, tar, rails, boards, backs of signs, crossings.

All of it is there to be told from lane lines, signs and open road, and none of it is in a plain day.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from perception.synthetic.canvas import Canvas
from perception.synthetic.faces import COUNT
from perception.synthetic.hoardings import ADVERTS, advert, sign_back
from perception.synthetic.layout import KERB, PALE, STEEL, TAR, YELLOW, Layout, Line, Stroke, dashed, double
from perception.synthetic.numbers import number_of
from perception.synthetic.road import Strip
from perception.synthetic.traffic import VEHICLE, Mover
from perception.synthetic.vehicles import Vehicle, random_vehicle, truck

STEP = 4.0  # metres of kerb or barrier in one piece
_WHITE, _BLACK, _RED, _YELLOW = (215, 218, 220), (38, 36, 36), (40, 36, 170), (40, 170, 220)
_PAINTED = ((_WHITE, _BLACK), (_WHITE, _RED), (_YELLOW, _BLACK), (_YELLOW, _YELLOW))  # kerbs


@dataclass(frozen=True, eq=False)
class Step:
    """A piece of raised kerb or of a concrete barrier; its road side stands at d."""

    s: float
    d: float
    height: float
    colour: np.ndarray  # (3,) BGR
    slope: float  # metres that the top is farther from the road than the foot
    reach, behind, length = 4.5, 0.0, STEP

    def paint(self, canvas: Canvas, strip: Strip) -> None:
        side = np.sign(self.d)
        foot = strip.to_vehicle([self.s, self.s + STEP], self.d)
        if foot[:, 0].max() < 0.5:
            return
        head = strip.to_vehicle([self.s, self.s + STEP], self.d + side * self.slope)
        back = strip.to_vehicle([self.s, self.s + STEP], self.d + side * (self.slope + 0.18))
        ident = None if self.height < 0.3 else 1  # a kerb hides nothing that matters
        distance = float(np.linalg.norm(foot[0]))
        for a, b, z0, z1, up in (
            (foot, head, 0.0, self.height, 0.3),
            (head, back, self.height, self.height, 1),
        ):
            normal = np.array([[0.0, -side * (1 - up), up]])
            light = canvas.light.on(normal / np.linalg.norm(normal), canvas.sun)[0]
            shown = canvas.hazed(np.clip(self.colour * light * (0.8 + 0.2 * up), 0, 255), distance)
            canvas.face(np.array([(*a[0], z0), (*a[1], z0), (*b[1], z1), (*b[0], z1)]), shown, ident)


@dataclass(frozen=True, eq=False)
class Board:
    """An advertisement, or the back of a sign: no sign."""

    s: float
    d: float
    size: tuple[float, float]  # metres
    height: float  # of its lower edge
    kind: int  # of advert(); below 0: the back of sign face -1 - kind
    yaw: float
    reach, behind = 4.0, 0.0

    def paint(self, canvas: Canvas, strip: Strip) -> None:
        x, y = strip.to_vehicle(self.s, self.d)
        turn = float(strip.turn(self.s)) + self.yaw
        across = np.array([np.sin(turn), -np.cos(turn), 0.0]) * self.size[0]
        normal = np.array([[-np.cos(turn), -np.sin(turn), 0.0]])
        light = np.clip(canvas.light.on(normal, canvas.sun)[0], 0, 1.25)
        grey = canvas.hazed(
            np.clip(np.array([[110, 112, 112]]) * canvas.light.ambient, 0, 255), float(np.hypot(x, y))
        )
        top = self.height + self.size[1]
        for share in (-0.3, 0.3) if self.size[0] > 1.2 else (0.0,):
            at = np.array([x, y, 0.0]) + share * across
            canvas.capsules(np.array([(at, at + (0, 0, top * 0.97))]), np.full((1, 2), 0.04), grey, 1)
        corner = np.array([x, y, top]) - across / 2
        sheet = advert(self.kind) if self.kind >= 0 else sign_back(-1 - self.kind)
        canvas.plane(corner, across, np.array([0, 0, -self.size[1]]), sheet, light)


@dataclass(frozen=True, eq=False)
class Extras:
    """What this drive has of it, all along."""

    kerb: float  # metres; 0: level with the road
    stone: np.ndarray  # (3,) BGR
    second: np.ndarray  # (3,) every other piece
    barriers: tuple[bool, bool]  # concrete ones right and left
    boards: float  # a block
    crossing: float  # metres ahead where others cross, now and then; 0: nobody

    @classmethod
    def random(cls, rng: np.random.Generator, layout: Layout) -> Extras:
        stone = np.array([150, 154, 156]) * rng.uniform(0.7, 1.3)
        stones = [stone, stone]
        if rng.random() < 0.35:
            stones = [np.array(c) * rng.uniform(0.8, 1.05) for c in _PAINTED[rng.integers(len(_PAINTED))]]
        built = any(m == KERB for _, _, m in layout.bands)
        wide = 0.35 if layout.setting in ("motorway", "country") else 0.05
        return cls(
            float(rng.uniform(0.06, 0.2)) if built and rng.random() < 0.75 else 0.0,
            stones[0],
            stones[1],
            (bool(rng.random() < wide), bool(rng.random() < wide)),
            float(rng.uniform(0, 1.2)),
            float(rng.uniform(8, 26)) if layout.setting != "motorway" and rng.random() < 0.3 else 0.0,
        )

    def items(
        self, rng: np.random.Generator, layout: Layout, start: float, length: float
    ) -> Iterator[Step | Board]:
        """What of it stands between `start` and `start` + `length`."""
        for side, d, barrier in zip((-1, 1), layout.edges, self.barriers, strict=True):
            for k, s in enumerate(np.arange(start, start + length, STEP)):
                if barrier:
                    yield Step(float(s), d + side * 0.3, 0.85, 1.15 * self.stone, 0.22)
                elif self.kerb:
                    colour = (self.stone, self.second)[k % 2]
                    yield Step(float(s), d + side * 0.02, self.kerb, colour, 0.02)
        for _ in range(rng.poisson(self.boards)):
            side = int(rng.choice((-1, 1)))
            out = layout.edges[(side + 1) // 2] + side * rng.uniform(0.6, 7)
            s, yaw = start + rng.uniform(0, length), float(rng.normal(0, 0.3))
            if rng.random() < 0.5:
                kind, size = -1 - int(rng.integers(COUNT)), float(rng.choice((0.6, 0.75, 0.9)))
                yield Board(s, out, (size, size), float(rng.uniform(1.7, 2.5)), kind, yaw)
            else:
                wide = float(np.exp(rng.uniform(-0.5, 1.5)))
                tall = wide * float(rng.uniform(0.4, 1.4))
                yield Board(s, out, (wide, tall), float(rng.uniform(0.3, 3)), int(rng.integers(ADVERTS)), yaw)

    def across(self, seed: int, t: float, s: float) -> list[Mover]:
        """A vehicle on its way across the road, if one is there `t` seconds after the start; ego at `s`."""
        if not self.crossing:
            return []
        rng = np.random.default_rng((seed, 21, int(t // 8)))
        body = truck(rng) if rng.random() < 0.4 else random_vehicle(rng)
        side = int(rng.choice((-1, 1)))
        d = side * (12 - 3.0 * (t % 8))
        ahead = self.crossing + body.length / 2
        yaw, number = -side * np.pi / 2 + float(rng.normal(0, 0.25)), number_of(seed, "across", int(t // 8))
        return [Mover(s + ahead, d, yaw, VEHICLE, body, number, aside=-side * 3.0)]


def clear_of(movers: list[Mover], crossing: list[Mover]) -> list[Mover]:
    """Without those that would stand inside a crossing vehicle."""

    def apart(a: Mover, b: Mover) -> bool:
        room = 4 + (a.body.length / 2 if isinstance(a.body, Vehicle) else 0)
        return abs(a.s - b.s) > room or abs(a.d - b.d) > 8

    return [x for x in movers if all(apart(x, y) for y in crossing)] + crossing


def varied(rng: np.random.Generator, layout: Layout) -> Layout:
    """`layout` with other lines: double yellow, yellow, dotted; and with what is none: tar, rails, seams."""
    lines = layout.lines
    if rng.random() < 0.2 and layout.setting != "motorway":
        lines = tuple(_yellow(rng, x) if abs(x.d) < 0.01 else x for x in lines)
    if rng.random() < 0.12:
        lines = tuple(_dotted(rng, x) if abs(x.d) > 2 and x.kind == 1 else x for x in lines)
    return replace(layout, lines=lines, decor=tuple(_decor(rng, layout)))


def _yellow(rng: np.random.Generator, line: Line) -> Line:
    line = double(rng, line.d, YELLOW) if rng.random() < 0.6 else line
    return replace(line, strokes=tuple(replace(k, colour=YELLOW) for k in line.strokes))


def _dotted(rng: np.random.Generator, line: Line) -> Line:
    on = float(rng.uniform(0.4, 1.5))
    made = dashed(rng, line.d)
    return replace(
        made, strokes=tuple(replace(k, on=on, period=on * rng.uniform(2, 3)) for k in made.strokes)
    )


def _decor(rng: np.random.Generator, layout: Layout) -> Iterator[Stroke]:
    right, left = layout.edges
    for _ in range(int(rng.integers(1, 4)) if rng.random() < 0.4 else 0):
        width, colour = float(rng.uniform(0.02, 0.14)), int(rng.choice((TAR, TAR, PALE, STEEL)))
        on = float(rng.uniform(5, 40))
        yield Stroke(float(rng.uniform(right, left)), width, on, on * float(rng.uniform(1, 2)), 0.0, colour)
    if layout.setting == "town" and rng.random() < 0.25:
        for lane in layout.lanes:
            for offset in (-0.72, 0.72):
                yield Stroke(lane.d + offset, 0.14, 1.0, 1.0, 0.0, TAR)
                yield Stroke(lane.d + offset, 0.06, 1.0, 1.0, 0.0, STEEL)

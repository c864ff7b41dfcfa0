"""What stands beside the road and never moves, block by block, each block from its own seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from perception.synthetic.buildings import facade
from perception.synthetic.canvas import Canvas
from perception.synthetic.faces import COUNT, sign_face
from perception.synthetic.layout import Layout
from perception.synthetic.people import Figure, Outfit, walker
from perception.synthetic.road import Strip
from perception.synthetic.trees import VARIANTS, tree
from perception.synthetic.vehicles import Vehicle, random_vehicle

BLOCK = 40.0  # metres of road


@dataclass(frozen=True, eq=False)
class Tree:
    s: float
    d: float
    kind: str
    variant: int
    height: float
    tint: np.ndarray  # (3,) factor

    def paint(self, canvas: Canvas, strip: Strip) -> None:
        levels = tree(self.kind, self.variant)
        x, y = strip.to_vehicle(self.s, self.d)
        across = np.array([y, -x, 0.0]) / np.hypot(x, y)
        width = self.height * levels[0].shape[1] / levels[0].shape[0]
        corner = np.array([x, y, self.height]) - across * width / 2
        light = canvas.light.ambient + canvas.light.direct * 0.62
        canvas.plane(corner, across * width, np.array([0, 0, -self.height]), levels, light * self.tint)


@dataclass(frozen=True, eq=False)
class Building:
    """Two visible walls of a house: the one along the road and the one across."""

    s: float
    length: float
    d: float  # of the wall along the road
    depth: float
    height: float
    style: int
    tint: np.ndarray

    def paint(self, canvas: Canvas, strip: Strip) -> None:
        side = np.sign(self.d)
        first, last = strip.to_vehicle([self.s, self.s + self.length], self.d)
        turn = float(strip.turn(self.s))
        away = side * np.array([-np.sin(turn), np.cos(turn)])
        along = last - first
        down = np.array([0, 0, -self.height])
        levels = facade(self.style)
        for corner, edge, out in ((first, away * self.depth, -along), (first, along, -away)):
            normal = np.append(out / np.linalg.norm(out), 0.0)[None]
            if (np.append(corner, 0.0) - canvas.eye) @ normal[0] > 0:
                continue
            light = canvas.light.on(normal, canvas.sun)[0] * self.tint
            canvas.plane(np.append(corner, self.height), np.append(edge, 0.0), down, levels, light)


@dataclass(frozen=True, eq=False)
class Rail:
    s: float
    d: float

    def paint(self, canvas: Canvas, strip: Strip) -> None:
        ends = strip.to_vehicle([self.s, self.s + 4.0], self.d)
        if ends[:, 0].max() < 0.5:
            return
        distance = float(np.linalg.norm(ends[0]))
        light = canvas.light.ambient + 0.4 * canvas.light.direct
        for low, high, grey in ((0.0, 0.6, 92), (0.48, 0.6, 150), (0.6, 0.68, 122), (0.68, 0.8, 165)):
            colour = canvas.hazed(np.clip(grey * light, 0, 255), distance)
            a, b = (ends[0], ends[1]) if low else (ends[0], ends[0] + (ends[1] - ends[0]) * 0.03)
            canvas.face(np.array([(*a, low), (*b, low), (*b, high), (*a, high)]), colour)


@dataclass(frozen=True, eq=False)
class Post:
    """A street lamp or a bare pole."""

    s: float
    d: float
    height: float
    arm: float  # towards the road, metres; 0: none

    def paint(self, canvas: Canvas, strip: Strip) -> None:
        x, y = strip.to_vehicle(self.s, self.d)
        over = strip.to_vehicle(self.s, self.d - np.sign(self.d) * self.arm)
        top = (x, y, self.height)
        ends = np.array([((x, y, 0), top), (top, (*over, self.height + 0.3 * (self.arm > 0)))])
        colours = np.array([[96, 98, 98], [110, 112, 112]]) * canvas.light.ambient * 1.2
        shown = canvas.hazed(np.clip(colours, 0, 255), float(np.hypot(x, y)))
        canvas.capsules(ends, np.array([[0.09, 0.06], [0.05, 0.05]]), shown, 1)


@dataclass(frozen=True, eq=False)
class SignPost:
    """One or two signs on a post, facing the traffic."""

    s: float
    d: float
    boards: tuple[tuple[int, float, float], ...]  # class, height of the middle, diameter
    yaw: float  # radians, how far it is turned away

    def post(self, canvas: Canvas, strip: Strip) -> None:
        x, y = strip.to_vehicle(self.s + 0.06, self.d)
        top = max(h for _, h, _ in self.boards)
        colour = canvas.hazed(np.clip(np.array([[120, 122, 122]]) * canvas.light.ambient, 0, 255), float(np.hypot(x, y)))
        canvas.capsules(np.array([((x, y, 0), (x, y, top))]), np.full((1, 2), 0.035), colour, 1)

    def board(self, canvas: Canvas, strip: Strip, k: int, ident: int) -> np.ndarray | None:
        class_id, height, size = self.boards[k]
        x, y = strip.to_vehicle(self.s, self.d)
        turn = float(strip.turn(self.s)) + self.yaw
        across = np.array([np.sin(turn), -np.cos(turn), 0.0])
        normal = np.array([[-np.cos(turn), -np.sin(turn), 0.0]])
        light = np.clip(canvas.light.on(normal, canvas.sun)[0] * 1.1, 0, 1.25)
        corner = np.array([x, y, height + size / 2]) - across * size / 2
        return canvas.plane(corner, across * size, np.array([0, 0, -size]), sign_face(class_id), light, ident)


@dataclass(frozen=True, eq=False)
class TrafficLight:
    s: float
    d: float
    height: float
    lamp: int  # 0 red 1 yellow 2 green

    def paint(self, canvas: Canvas, strip: Strip, ident: int) -> np.ndarray | None:
        x, y = strip.to_vehicle(self.s, self.d)
        if x < 1:
            return None
        grey = canvas.hazed(np.array([[70.0, 72, 72]]) * canvas.light.ambient, float(np.hypot(x, y)))
        canvas.capsules(np.array([((x + 0.15, y, 0), (x + 0.15, y, self.height))]), np.full((1, 2), 0.06), grey, 1)
        box = np.array([(x, y + 0.16, self.height), (x, y - 0.16, self.height), (x, y - 0.16, self.height + 0.95), (x, y + 0.16, self.height + 0.95)])
        outline = canvas.pixels(canvas.depth(box))
        canvas.polygon(outline, canvas.hazed(np.full(3, 26.0), float(np.hypot(x, y))), ident)
        colours = np.array([(40, 40, 235), (30, 190, 245), (170, 225, 60)], float)
        for k in range(3):
            at = np.array([[(x - 0.02, y, self.height + 0.79 - 0.31 * k)] * 2])
            colour = colours[k] if k == self.lamp else colours[k] * 0.16 + 16
            canvas.capsules(at, np.full((1, 2), 0.115), colour[None], ident)
        return outline


@dataclass(frozen=True, eq=False)
class Parked:
    s: float
    d: float
    vehicle: Vehicle
    yaw: float


@dataclass(frozen=True, eq=False)
class Standing:
    s: float
    d: float
    figure: Figure
    yaw: float


Item = Tree | Building | Rail | Post | SignPost | TrafficLight | Parked | Standing


def block(rng: np.random.Generator, layout: Layout, start: float) -> list[Item]:
    """Everything fixed between `start` and `start` + BLOCK."""
    items: list[Item] = [Rail(start + 4 * k, d) for d in layout.rails for k in range(10)]
    for side in (-1, 1):
        items += _beside(rng, layout, start, side)
    for d in layout.parking:
        items += _parked(rng, start, d)
    items += _signs(rng, layout, start)
    return items


def _clear(layout: Layout, side: int) -> float:
    """Metres from the reference line at which there is nothing paved any more."""
    ends = [abs(a if side < 0 else b) for a, b, _ in layout.bands if max(abs(a), abs(b)) < 60]
    return max(ends)


def _beside(rng: np.random.Generator, layout: Layout, start: float, side: int) -> Iterator[Item]:
    edge = _clear(layout, side)
    density = {"town": 2, "suburb": 7, "country": 9, "motorway": 8}[layout.setting]
    spread = {"town": 6, "suburb": 14, "country": 45, "motorway": 40}[layout.setting]
    tint = np.array([1.0, 1.0, 1.0])
    for _ in range(rng.poisson(density)):
        kind = str(rng.choice(("round", "tall", "conifer", "bush", "bare"), p=(0.34, 0.16, 0.16, 0.28, 0.06)))
        height = rng.uniform(1, 2.6) if kind == "bush" else rng.uniform(5, 13)
        at = edge + 1 + (0.12 * height) + rng.exponential(spread / 2)
        yield Tree(start + rng.uniform(0, BLOCK), side * at, kind, int(rng.integers(VARIANTS)), float(height), tint * rng.uniform(0.75, 1.15, 3))
    if layout.setting in ("town", "suburb"):
        yield from _houses(rng, layout, start, side * (edge + rng.uniform(0.2, 2) if layout.setting == "town" else side * (edge + rng.uniform(4, 9))), side)
        yield Post(start + rng.uniform(0, 10), side * (edge - 0.4), rng.uniform(5, 8), float(rng.choice((0.0, 1.5, 2.2))))
    elif rng.random() < 0.5:
        yield Post(start + rng.uniform(0, BLOCK), side * (edge + rng.uniform(0.5, 4)), rng.uniform(4, 9), 0.0)


def _houses(rng: np.random.Generator, layout: Layout, start: float, d: float, side: int) -> Iterator[Item]:
    d = side * abs(d)
    at = start
    while at < start + BLOCK - 6:
        length = float(rng.uniform(7, 16))
        gap = 0.0 if layout.setting == "town" and rng.random() < 0.75 else float(rng.uniform(2, 9))
        height = rng.uniform(7, 16) if layout.setting == "town" else rng.uniform(4, 8)
        tint = rng.uniform(0.75, 1.05) * rng.uniform(0.92, 1.05, 3)
        yield Building(at, min(length, start + BLOCK - at), d + side * rng.uniform(0, 0.6), float(rng.uniform(7, 12)), float(height), int(rng.integers(8)), tint)
        at += length + gap


def _parked(rng: np.random.Generator, start: float, d: float) -> Iterator[Item]:
    at = start + 3.0
    while at < start + BLOCK - 3:
        if rng.random() < 0.6:
            vehicle = random_vehicle(rng)
            if vehicle.length < 6:
                yield Parked(at, d + rng.normal(0, 0.08), vehicle, float(rng.normal(0, 0.02)) + np.pi * (d > 0) * (rng.random() < 0.7))
        at += float(rng.uniform(5.8, 7.5))


def _signs(rng: np.random.Generator, layout: Layout, start: float) -> Iterator[Item]:
    near = -1 if layout.right_hand else 1
    edge = layout.edges[0] if near < 0 else layout.edges[1]
    if rng.random() < 0.6:
        size = float(rng.choice((0.6, 0.75, 0.9)))
        height = float(rng.uniform(1.9, 2.6))
        boards = [(int(rng.integers(COUNT)), height, size)]
        if rng.random() < 0.25:
            boards.append((int(rng.integers(COUNT)), height - size * 1.05, size))
        yield SignPost(start + rng.uniform(0, BLOCK), edge + near * rng.uniform(0.6, 2.2), tuple(boards), float(rng.normal(0, 0.12)))
    if layout.setting in ("town", "suburb") and rng.random() < 0.22:
        s, lamp = start + rng.uniform(0, BLOCK), int(rng.choice((0, 1, 2), p=(0.45, 0.1, 0.45)))
        for d in (edge + near * 0.6, (layout.edges[0] + layout.edges[1] - edge) - near * 0.6):
            yield TrafficLight(s, d, float(rng.uniform(2.3, 2.8)), lamp)
    for d in layout.pavements:
        for _ in range(rng.poisson(0.5)):
            yield Standing(start + rng.uniform(0, BLOCK), d + rng.normal(0, 0.4), walker(Outfit.random(rng), 0.0, 0.2), float(rng.uniform(-3, 3)))

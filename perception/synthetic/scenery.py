"""What stands beside the road and never moves: how each thing is painted.

Of each thing: `reach` is how far (metres) it extends around its ends, `behind` is how much farther away
(metres) than its far end it counts when all are sorted for painting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from perception.synthetic.backdrops import backdrop
from perception.synthetic.buildings import LIT, facade, lit_windows, roof
from perception.synthetic.canvas import GLOW, Canvas
from perception.synthetic.faces import extent, sign_face
from perception.synthetic.people import Figure
from perception.synthetic.road import Strip
from perception.synthetic.trees import tree
from perception.synthetic.vehicles import Vehicle


@dataclass(frozen=True, eq=False)
class Tree:
    s: float
    d: float
    kind: str
    variant: int
    height: float
    tint: np.ndarray  # (3,) factor
    behind: float  # 9 when a barrier stands before it

    @property
    def reach(self) -> float:
        return 0.6 * self.height

    def paint(self, canvas: Canvas, strip: Strip) -> None:
        levels = tree(self.kind, self.variant)
        x, y = strip.to_vehicle(self.s, self.d)
        across = np.array([y, -x, 0.0]) / np.hypot(x, y)
        width = self.height * levels[0].shape[1] / levels[0].shape[0]
        corner = np.array([x, y, self.height]) - across * width / 2
        light = canvas.light.ambient + canvas.light.direct * 0.62
        canvas.plane(corner, across * width, np.array([0, 0, -self.height]), levels, light * self.tint)


@dataclass(frozen=True, eq=False)
class Backdrop:
    """A strip of forest, hedge, wall or fence along the road."""

    s: float
    length: float
    d: float
    height: float
    kind: str
    variant: int
    tint: np.ndarray
    behind: float  # 0 for barriers
    reach = 1.0

    def paint(self, canvas: Canvas, strip: Strip) -> None:
        first, last = strip.to_vehicle([self.s, self.s + self.length], self.d)
        along = np.append(last - first, 0.0)
        normal = np.array([[along[1], -along[0], 0.0]]) / np.linalg.norm(along) * np.sign(self.d)
        light = canvas.light.on(normal, canvas.sun)[0] + 0.2 * canvas.light.direct
        down = np.array([0, 0, -self.height])
        levels = backdrop(self.kind, self.variant)
        canvas.plane(np.append(first, self.height), along, down, levels, light * self.tint)


@dataclass(frozen=True, eq=False)
class Building:
    """The visible walls of a house, the one along the road and the one across, and its roof."""

    s: float
    length: float
    d: float  # of the wall along the road
    depth: float
    height: float  # of the eaves
    pitch: float  # height of the ridge above the eaves; 0: flat roof
    style: int
    tint: np.ndarray
    behind = 9.0

    @property
    def reach(self) -> float:
        return self.depth + 2

    def paint(self, canvas: Canvas, strip: Strip) -> None:
        side = np.sign(self.d)
        first, last = np.pad(strip.to_vehicle([self.s, self.s + self.length], self.d), ((0, 0), (0, 1)))
        turn = float(strip.turn(self.s))
        away = side * self.depth * np.array([-np.sin(turn), np.cos(turn), 0.0])
        along, up = last - first, np.array([0, 0, self.height])
        if (first - canvas.eye) @ along > 0:
            self._wall(canvas, first + up, away, -along)
            self._gable(canvas, first + up, away, -along)
        self._wall(canvas, first + up, along, -away)
        if canvas.lit > 0:
            sheet = lit_windows(self.style, int(self.s) % LIT, canvas.lit)
            canvas.plane(first + up, along, np.array([0, 0, -self.height]), sheet, np.ones(3), GLOW)
        if self.pitch:
            slope = -away / 2 - np.array([0, 0, self.pitch])
            light = self._light(canvas, np.cross(along, slope) * side)
            canvas.plane(first + up - slope, along, slope * 1.06, roof(self.style), light)

    def _light(self, canvas: Canvas, out: np.ndarray) -> np.ndarray:
        return canvas.light.on((out / np.linalg.norm(out))[None], canvas.sun)[0] * self.tint

    def _wall(self, canvas: Canvas, corner: np.ndarray, along: np.ndarray, out: np.ndarray) -> None:
        down = np.array([0, 0, -self.height])
        canvas.plane(corner, along, down, facade(self.style), self._light(canvas, out))

    def _gable(self, canvas: Canvas, corner: np.ndarray, away: np.ndarray, out: np.ndarray) -> None:
        """The triangle between the end wall and the roof."""
        if self.pitch:
            tip = corner + away / 2 + np.array([0, 0, self.pitch])
            colour = facade(self.style)[-1][..., :3].mean((0, 1)) * self._light(canvas, out)
            shown = canvas.hazed(np.clip(colour, 0, 255), float(np.linalg.norm(corner)))
            canvas.face(np.array([corner, corner + away, tip]), shown)


@dataclass(frozen=True, eq=False)
class Rail:
    s: float
    d: float
    reach, behind = 4.5, 0.0

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
    reach, behind = 3.0, 0.0

    def paint(self, canvas: Canvas, strip: Strip) -> None:
        x, y = strip.to_vehicle(self.s, self.d)
        over = strip.to_vehicle(self.s, self.d - np.sign(self.d) * self.arm)
        top = (x, y, self.height)
        ends = np.array([((x, y, 0), top), (top, (*over, self.height + 0.3 * (self.arm > 0)))])
        colours = np.array([[96, 98, 98], [110, 112, 112]]) * canvas.light.ambient * 1.2
        shown = canvas.hazed(np.clip(colours, 0, 255), float(np.hypot(x, y)))
        canvas.capsules(ends, np.array([[0.09, 0.06], [0.05, 0.05]]), shown, 1)
        if canvas.lamp.any():
            canvas.shine(ends[1, 1] if self.arm else ends[0, 1], 0.16, 1.2 * canvas.lamp, 1)


@dataclass(frozen=True, eq=False)
class SignPost:
    """One or two signs on a post, facing the traffic."""

    s: float
    d: float
    boards: tuple[tuple[int, float, float], ...]  # class, height of the middle, diameter
    yaw: float  # radians, how far it is turned away
    reach, behind = 1.0, 0.0

    def post(self, canvas: Canvas, strip: Strip) -> None:
        x, y = strip.to_vehicle(self.s + 0.06, self.d)
        top = max(h for _, h, _ in self.boards)
        colour = canvas.hazed(
            np.clip(np.array([[120, 122, 122]]) * canvas.light.ambient, 0, 255), float(np.hypot(x, y))
        )
        canvas.capsules(np.array([((x, y, 0), (x, y, top))]), np.full((1, 2), 0.035), colour, 1)

    def board(self, canvas: Canvas, strip: Strip, k: int, ident: int) -> np.ndarray | None:
        class_id, height, size = self.boards[k]
        x, y = strip.to_vehicle(self.s, self.d)
        turn = float(strip.turn(self.s)) + self.yaw
        across = np.array([np.sin(turn), -np.cos(turn), 0.0])
        normal = np.array([[-np.cos(turn), -np.sin(turn), 0.0]])
        light = np.clip(canvas.light.on(normal, canvas.sun)[0] * 1.1, 0, 1.25)
        corner = np.array([x, y, height + size / 2]) - across * size / 2
        along, down = across * size, np.array([0, 0, -size])
        if canvas.plane(corner, along, down, sign_face(class_id), light, ident) is None:
            return None
        left, top, right, bottom = extent(class_id)
        corner = corner + along * left + down * top
        return canvas.outline(corner, along * (right - left), down * (bottom - top))


@dataclass(frozen=True, eq=False)
class TrafficLight:
    s: float
    d: float
    height: float
    lamp: int  # 0 red 1 yellow 2 green
    reach, behind = 1.0, 0.0

    def paint(self, canvas: Canvas, strip: Strip, ident: int) -> np.ndarray | None:
        x, y = strip.to_vehicle(self.s, self.d)
        if x < 1:
            return None
        grey = canvas.hazed(np.array([[70.0, 72, 72]]) * canvas.light.ambient, float(np.hypot(x, y)))
        canvas.capsules(
            np.array([((x + 0.15, y, 0), (x + 0.15, y, self.height))]), np.full((1, 2), 0.06), grey, 1
        )
        box = np.array(
            [
                (x, y + 0.16, self.height),
                (x, y - 0.16, self.height),
                (x, y - 0.16, self.height + 0.95),
                (x, y + 0.16, self.height + 0.95),
            ]
        )
        outline = canvas.pixels(canvas.depth(box))
        canvas.polygon(
            canvas.fixed(outline), canvas.hazed(np.full(3, 26.0), float(np.hypot(x, y))).tolist(), ident
        )
        colours = np.array([(40, 40, 235), (30, 190, 245), (170, 225, 60)], float)
        for k in range(3):
            at = np.array([[(x - 0.02, y, self.height + 0.79 - 0.31 * k)] * 2])
            colour = colours[k] if k == self.lamp else colours[k] * 0.16 + 16
            canvas.capsules(at, np.full((1, 2), 0.115), colour[None], ident)
            if k == self.lamp:
                canvas.shine(at[0, 0], 0.1, 6 * (colour / 255) ** 2.2, ident)
        return outline


@dataclass(frozen=True, eq=False)
class Parked:
    s: float
    d: float
    vehicle: Vehicle
    yaw: float
    reach, behind = 4.0, 0.0


@dataclass(frozen=True, eq=False)
class Standing:
    s: float
    d: float
    figure: Figure
    yaw: float
    reach, behind = 1.0, 0.0


class Thing(Protocol):
    """Anything else that paints itself."""

    @property
    def s(self) -> float: ...
    @property
    def d(self) -> float: ...
    @property
    def reach(self) -> float: ...
    @property
    def behind(self) -> float: ...

    def paint(self, canvas: Canvas, strip: Strip) -> None: ...


Item = Thing | Tree | Backdrop | Building | Rail | Post | SignPost | TrafficLight | Parked | Standing

"""Solid bodies of flat faces, in their own frame: x forward, y left, z up, origin on the ground."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np

from perception.synthetic.canvas import NEAR, Canvas, cut

Colour = Sequence[float] | np.ndarray  # BGR


@dataclass(eq=False)
class Mesh:
    """Faces are convex and painted in the order added; those that look away are left out.

    A body of several convex parts calls `part` between them. Parts are painted in the order added too, save
    `loose` ones: of these the farther is painted first.
    """

    points: list[np.ndarray] = field(default_factory=list)  # (k, 3) corners of each face
    colours: list[np.ndarray] = field(default_factory=list)  # (3,) of each face
    normals: list[np.ndarray] = field(default_factory=list)  # (3,) outward
    fine: list[bool] = field(default_factory=list)  # too small to matter from afar
    glows: list[bool] = field(default_factory=list)  # shines by itself
    parts: list[tuple[int, bool]] = field(default_factory=lambda: [(0, False)])  # first face, loose
    packed: tuple[np.ndarray, ...] | None = None

    def add(
        self,
        corners: np.ndarray,
        colour: Colour,
        out: Sequence[float],
        fine: bool = False,
        glow: bool = False,
    ) -> None:
        """`out`: any vector on the outer side of the face."""
        corners = np.asarray(corners, np.float64)
        normal = _cross(corners[1] - corners[0], corners[2] - corners[0])
        self.points.append(corners)
        self.normals.append(normal if normal @ np.asarray(out) > 0 else -normal)
        self.colours.append(np.asarray(colour, np.float64))
        self.fine.append(fine)
        self.glows.append(glow)

    def part(self, loose: bool = False) -> None:
        """What is added from here on is another part."""
        self.parts.append((len(self.points), loose))

    def prism(
        self, low: np.ndarray, z0: float, high: np.ndarray, z1: float, colour: Colour, top: Colour
    ) -> None:
        """Between two outlines (k, 2): the walls and the lid."""
        a = np.column_stack([low, np.full(len(low), z0)])
        b = np.column_stack([high, np.full(len(high), z1)])
        for i in range(len(a)):
            j = (i + 1) % len(a)
            side = (a[i] + a[j] - a[0] - a[len(a) // 2]) / 2
            self.add(np.array([a[i], a[j], b[j], b[i]]), colour, (*(side[:2]), 0.0))
        self.add(b, top, (0, 0, 1))

    def panel(
        self,
        x: float,
        y: tuple[float, float],
        z: tuple[float, float],
        colour: Colour,
        glow: bool = False,
        back: bool = True,
    ) -> None:
        """An upright rectangle that looks back (or forward), a detail."""
        corners = np.array([[x, y[0], z[0]], [x, y[1], z[0]], [x, y[1], z[1]], [x, y[0], z[1]]])
        self.add(corners, colour, (-1 if back else 1, 0, 0), True, glow)

    def flank(self, x: tuple[float, float], y: float, z: tuple[float, float], colour: Colour) -> None:
        """An upright rectangle that looks sideways, a detail."""
        corners = np.array([[x[0], y, z[0]], [x[1], y, z[0]], [x[1], y, z[1]], [x[0], y, z[1]]])
        self.add(corners, colour, (0, np.sign(y), 0), True)

    def disc(self, x: float, y: float, z: float, radius: float, colour: Colour, fine: bool = True) -> None:
        """An upright disc that looks sideways: a wheel."""
        turn = np.linspace(0, 2 * np.pi, 13)[:-1]
        corners = np.stack([x + radius * np.cos(turn), np.full(12, y), z + radius * np.sin(turn)], -1)
        self.add(corners, colour, (0, np.sign(y), 0), fine)

    def paint(self, canvas: Canvas, at: np.ndarray, yaw: float, ident: int) -> np.ndarray | None:
        """Puts the body on the road at vehicle x, y; returns its outline (k, 2) in pixels, not clipped."""
        points, starts, colours, normals, fine, glows = self._pack()
        cos, sin = np.cos(yaw), np.sin(yaw)
        turn = np.array([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
        world = points @ turn.T + (*at, 0.0)
        outward = normals @ turn.T
        seen = ((world[starts[:-1]] - canvas.eye) * outward).sum(-1) < 0
        camera = canvas.depth(world)
        if camera[:, 2].max() < NEAR:
            return None
        distance = float(np.linalg.norm(at))
        if canvas.focal / distance < 9:
            seen &= ~fine
        lamps = 1.3 if canvas.light.weather == "dusk" else 0.75
        light = np.where(glows[:, None], lamps, canvas.light.on(outward, canvas.sun))
        lift = 0.8 + 0.3 * np.clip(self._middles() / 1.2, 0, 1)[:, None]  # dark road below, sky above
        shown = canvas.hazed(np.clip(colours * light * lift, 0, 255), distance)
        outlines = [
            self._paint_part(canvas, camera, first, last, seen, shown, ident)
            for first, last in self._order(np.linalg.norm(world - canvas.eye, axis=1))
        ]
        if not canvas.unlit:
            self._shine(canvas, world, outward, seen, ident)
        return np.concatenate(outlines)

    def _shine(
        self, canvas: Canvas, world: np.ndarray, outward: np.ndarray, seen: np.ndarray, ident: int
    ) -> None:
        """Lamps: red ones glow to all sides, head lamps dazzle whom they look at."""
        _, starts, colours, _, _, glows = self._pack()
        for k in np.flatnonzero(seen & glows):
            middle = world[starts[k] : starts[k + 1]].mean(0)
            look = canvas.eye - middle
            facing = float(outward[k] @ look) / float(np.linalg.norm(look))
            red = colours[k][2] > 2 * colours[k][0]
            power = np.array([0.1, 0.06, 2.2]) if red else np.array([0.9, 0.96, 1]) * (2 + 60 * facing**12)
            canvas.shine(middle, 0.07, power, ident)

    def _order(self, distance: np.ndarray) -> list[tuple[int, int]]:
        """First and last + 1 face of each part, in the order to paint; `distance` (n,) of the corners."""
        starts = self._pack()[1]
        ends = [*(first for first, _ in self.parts[1:]), len(self.points)]
        spans = [(first, end) for (first, _), end in zip(self.parts, ends, strict=True)]
        near = [
            distance[starts[a] : starts[b]].min() if loose else np.inf
            for (a, b), (_, loose) in zip(spans, self.parts, strict=True)
        ]
        return [spans[k] for k in np.argsort(-np.array(near), kind="stable")]

    def _paint_part(
        self,
        canvas: Canvas,
        camera: np.ndarray,
        first: int,
        last: int,
        seen: np.ndarray,
        shown: np.ndarray,
        ident: int,
    ) -> np.ndarray:
        """Its silhouette, then its faces on it. Returns the outline (k, 2) in pixels, empty if too near."""
        outline, shapes = self._shapes(canvas, camera, first, last)
        if not len(outline):
            return outline
        visible = seen[first:last]
        plain = np.median(shown[first:last][visible], 0) if visible.any() else shown[first]
        canvas.polygon(canvas.fixed(outline), (0.85 * plain).tolist(), ident)
        for k, shape in shapes.items():
            if seen[k] and len(shape) >= 3:
                canvas.polygon(shape, shown[k].tolist())
        return outline

    def _shapes(
        self, canvas: Canvas, camera: np.ndarray, first: int, last: int
    ) -> tuple[np.ndarray, dict[int, np.ndarray]]:
        """Outline (k, 2) in pixels of some faces, and each face as `Canvas.polygon` takes it; cut at NEAR."""
        starts = self._pack()[1]
        spans = {k: slice(starts[k], starts[k + 1]) for k in range(first, last)}
        corners = camera[starts[first] : starts[last]]
        if corners[:, 2].min() > NEAR:
            pixels = canvas.pixels(corners)
            fixed = canvas.fixed(pixels)
            return hull(pixels), {
                k: fixed[starts[k] - starts[first] :][: len(camera[w])] for k, w in spans.items()
            }
        cuts = {k: cut(camera[w]) for k, w in spans.items()}
        beyond = np.concatenate(list(cuts.values()))
        if not len(beyond):
            return np.empty((0, 2)), {}
        shapes = {k: canvas.fixed(canvas.pixels(c)) for k, c in cuts.items() if len(c)}
        return hull(canvas.pixels(beyond)), shapes

    def _middles(self) -> np.ndarray:
        """(m,) height of each face's middle, metres."""
        points, starts = self._pack()[:2]
        return np.add.reduceat(points[:, 2], starts[:-1]) / np.diff(starts)

    def _pack(self) -> tuple[np.ndarray, ...]:
        if self.packed is None:
            starts = np.cumsum([0, *(len(p) for p in self.points)])
            arrays = (self.colours, self.normals, self.fine, self.glows)
            self.packed = (np.concatenate(self.points), starts, *(np.array(a) for a in arrays))
        return self.packed


def hull(points: np.ndarray) -> np.ndarray:
    """Convex outline (k, 2) of points (n, 2)."""
    return cv2.convexHull(points.astype(np.float32))[:, 0].astype(np.float64)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The unit vector (3,) at right angles to both."""
    (ax, ay, az), (bx, by, bz) = a.tolist(), b.tolist()
    x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
    return np.array([x, y, z]) / ((x * x + y * y + z * z) ** 0.5 + 1e-12)

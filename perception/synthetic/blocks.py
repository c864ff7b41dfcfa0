"""What stands along a road, block by block, each block from its own seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from perception.synthetic.backdrops import VARIANTS as BACKDROPS
from perception.synthetic.buildings import STYLES
from perception.synthetic.extras import Extras
from perception.synthetic.faces import COUNT
from perception.synthetic.layout import Layout
from perception.synthetic.people import Outfit, walker
from perception.synthetic.scenery import (
    Backdrop,
    Building,
    Item,
    Parked,
    Post,
    Rail,
    SignPost,
    Standing,
    TrafficLight,
    Tree,
)
from perception.synthetic.stamps import KINDS as STAMPS
from perception.synthetic.stamps import Stamp
from perception.synthetic.trees import VARIANTS
from perception.synthetic.vehicles import random_vehicle

BLOCK = 40.0  # metres of road
_KINDS = ("round", "tall", "conifer", "bush", "bare")


@dataclass(frozen=True, eq=False)
class Surroundings:
    """What this drive has on one side, all along."""

    side: int  # -1 right, 1 left
    edge: float  # metres from the reference line where the free ground begins
    forest: float  # metres from the edge to the first trees of a forest; inf: none
    forest_kind: str
    barrier: str  # wall, fence or hedge along the edge; empty: none
    barrier_height: float
    houses: float  # metres from the edge to the houses; inf: none
    terraced: bool  # houses stand wall to wall
    alley: float  # metres between the trees of an alley; inf: none
    loose: float  # single trees a block
    spread: float  # metres over which they thin out
    kinds: np.ndarray  # (5,) shares of _KINDS
    green: np.ndarray  # (3,) tint of all plants

    def tree(self, rng: np.random.Generator, s: float, out: float, kind: str, height: float) -> Tree:
        """`out`: metres beyond the edge."""
        tint = self.green * rng.uniform(0.8, 1.2) * (1 + rng.normal(0, 0.05, 3))
        behind = 9.0 if self.barrier and out > 0.3 else 0.0
        d = self.side * (self.edge + out)
        return Tree(s, d, kind, int(rng.integers(VARIANTS)), height, tint, behind)

    def strip(
        self, rng: np.random.Generator, s: float, length: float, out: float, height: float, behind: float
    ) -> Backdrop:
        """A stretch of forest."""
        kind = self.forest_kind if np.isfinite(self.forest) else "mixed"
        tint = self.green * rng.uniform(0.75, 1.1)
        d = self.side * (self.edge + out)
        return Backdrop(s, length, d, height, kind, int(rng.integers(BACKDROPS)), tint, behind)


def random_surroundings(rng: np.random.Generator, layout: Layout, side: int) -> Surroundings:
    ends = [abs(a if side < 0 else b) for a, b, _ in layout.bands if max(abs(a), abs(b)) < 60]
    setting, inf = layout.setting, np.inf
    town, built = setting == "town", setting in ("town", "suburb")
    forest = rng.uniform(1.5, 14) if rng.random() < {"town": 0.1, "suburb": 0.3}.get(setting, 0.6) else inf
    houses = inf
    if built and forest == inf and rng.random() < 0.85:
        houses = rng.uniform(0.0, 3) if town else rng.uniform(4, 12)
    barrier = ""
    if rng.random() < {"town": 0.12, "suburb": 0.7, "country": 0.15, "motorway": 0.2}[setting] and houses > 1:
        barrier = str(rng.choice(("hedge", "wall", "planks", "railing", "concrete")))
    tall = {"hedge": rng.uniform(0.8, 2.2), "concrete": rng.uniform(2, 4)}.get(barrier, rng.uniform(0.7, 2.0))
    return Surroundings(
        side,
        max(ends),
        float(forest),
        str(rng.choice(("leafy", "firs", "mixed", "scrub"))),
        barrier,
        float(tall),
        float(houses),
        bool(town and rng.random() < 0.75),
        float(rng.uniform(8, 16)) if rng.random() < 0.3 else inf,
        float(rng.uniform(0, {"town": 2, "suburb": 8}.get(setting, 9))),
        {"town": 6.0, "suburb": 12.0, "country": 40.0, "motorway": 40.0}[setting],
        rng.dirichlet((2.5, 1.2, 1.2, 2.2, 0.4)),
        np.array([1.0, 1.0, rng.uniform(0.85, 1.4)]) * rng.uniform(0.7, 1.1),
    )


def walled(part: Surroundings) -> Surroundings:
    """The side of a tunnel."""
    nothing = replace(part, forest=np.inf, houses=np.inf, alley=np.inf, loose=0.0, spread=0.0)
    return replace(nothing, barrier="concrete", barrier_height=7.0)


@dataclass(frozen=True, eq=False)
class Block:
    items: list[Item]
    stamps: list[Stamp]
    mouths: list[tuple[float, float, int]]  # s from, s to, side of each side road


def random_block(
    rng: np.random.Generator,
    layout: Layout,
    around: tuple[Surroundings, ...],
    start: float,
    crowd: float = 1.0,
    extras: Extras | None = None,
) -> Block:
    """Everything fixed between `start` and `start` + BLOCK; `crowd`: how many times as many bystanders."""
    mouths = list(_mouths(rng, layout, start))
    more = [] if extras is None else list(extras.items(rng.spawn(1)[0], layout, start, BLOCK))
    items = [*_items(rng, layout, around, start, crowd), *more]
    items = [x for x in items if not any(_blocks(x, m, layout) for m in mouths)]
    return Block(items, list(_stamps(rng, layout, start)), mouths)


def _mouths(rng: np.random.Generator, layout: Layout, start: float) -> Iterator[tuple[float, float, int]]:
    for side in (-1, 1):
        if rng.random() < {"town": 0.25, "suburb": 0.2, "country": 0.07, "motorway": 0.0}[layout.setting]:
            at = start + rng.uniform(8, BLOCK - 16)
            yield at, at + rng.uniform(4, 8), side


def _blocks(item: Item, mouth: tuple[float, float, int], layout: Layout) -> bool:
    """Whether something would stand in a side road."""
    margin = 4.0 if isinstance(item, Parked) else 1.5
    inside = layout.edges[0] < item.d < layout.edges[1] and not isinstance(item, Parked)
    end = item.s + getattr(item, "length", 0.0)
    return not inside and item.d * mouth[2] > 0 and end > mouth[0] - margin and item.s < mouth[1] + margin


def _stamps(rng: np.random.Generator, layout: Layout, start: float) -> Iterator[Stamp]:
    """Seldom more than one kind in a block."""
    if rng.random() > {"town": 0.5, "suburb": 0.35, "country": 0.12, "motorway": 0.25}[layout.setting]:
        return
    at, strength = start + rng.uniform(5, BLOCK - 10), float(rng.uniform(0.3, 1))
    kind = str(rng.choice(STAMPS if layout.setting in ("town", "suburb") else STAMPS[:3]))
    if kind == "zebra":
        width = layout.edges[1] - layout.edges[0]
        yield Stamp(at, float(rng.uniform(2.5, 4)), sum(layout.edges) / 2, width - 0.3, kind, False, strength)
        return
    for lane in layout.lanes:
        line = kind in ("bar", "teeth")
        width, length = (lane.width - 0.3, 0.45) if line else (1.0, float(rng.uniform(2.5, 5)))
        yield Stamp(at, length, lane.d, width, kind, not lane.forward, strength)


def _items(
    rng: np.random.Generator,
    layout: Layout,
    around: tuple[Surroundings, ...],
    start: float,
    crowd: float,
) -> list[Item]:
    """What stands there, side roads not yet left free."""
    items: list[Item] = [Rail(start + 4 * k, d) for d in layout.rails for k in range(10)]
    for part in around:
        items += _plants(rng, part, start)
        items += _forest(rng, part, start)
        items += _barrier(rng, part, start)
        items += _houses(rng, part, start)
        items += _posts(rng, layout, part, start)
    for d in layout.parking:
        items += _parked(rng, start, d)
    items += _signs(rng, layout, start)
    items += _lights(rng, layout, start)
    items += _bystanders(rng, layout, start, crowd)
    return items


def _plants(rng: np.random.Generator, part: Surroundings, start: float) -> Iterator[Item]:
    """Single trees and bushes, and alleys."""
    for _ in range(rng.poisson(part.loose)):
        kind = str(rng.choice(_KINDS, p=part.kinds))
        height = float(rng.uniform(0.8, 2.6) if kind == "bush" else rng.uniform(4, 14))
        out = 0.5 + 0.15 * height + rng.exponential(part.spread / 2)
        yield part.tree(rng, start + rng.uniform(0, BLOCK), out, kind, height)
    if np.isfinite(part.alley):
        kind = _KINDS[int(part.kinds[:3].argmax())]
        for s in np.arange(start + rng.uniform(0, 2), start + BLOCK, part.alley):
            yield part.tree(rng, float(s), 0.6, kind, float(rng.uniform(6, 11)))


def _forest(rng: np.random.Generator, part: Surroundings, start: float) -> Iterator[Item]:
    """Two ranks with trees and bushes before them, or a far tree line."""
    if np.isfinite(part.forest):
        for s in (start, start + BLOCK / 2):
            yield part.strip(rng, s - 1, BLOCK / 2 + 2, part.forest + 5, float(rng.uniform(9, 16)), 9.5)
            yield part.strip(rng, s - 1, BLOCK / 2 + 2, part.forest, float(rng.uniform(7, 13)), 9.0)
        for kind, count, least, most in (("round", 4, 5, 12), ("bush", 5, 0.8, 2.4)):
            for out in np.maximum(part.forest - 1 + rng.uniform(-1, 1, count), 0.5):
                height = float(rng.uniform(least, most))
                yield part.tree(rng, start + rng.uniform(0, BLOCK), out, kind, height)
    elif rng.random() < 0.7:
        yield part.strip(rng, start - 2, BLOCK + 4, rng.uniform(50, 90), float(rng.uniform(7, 12)), 30.0)


def _barrier(rng: np.random.Generator, part: Surroundings, start: float) -> Iterator[Item]:
    tint = np.ones(3) * rng.uniform(0.95, 1.05)
    for s in np.arange(start, start + BLOCK, 8.0) if part.barrier else ():
        colour = part.green * rng.uniform(0.9, 1.1) if part.barrier == "hedge" else tint
        d = part.side * (part.edge + 0.3)
        yield Backdrop(
            float(s), 8.0, d, part.barrier_height, part.barrier, int(rng.integers(BACKDROPS)), colour, 0.0
        )


def _houses(rng: np.random.Generator, part: Surroundings, start: float) -> Iterator[Item]:
    at = start
    while np.isfinite(part.houses) and at < start + BLOCK - 6:
        length = min(float(rng.uniform(6, 15)), start + BLOCK - at)
        height = float(rng.uniform(6, 15) if part.terraced else rng.uniform(3.5, 8))
        pitch = 0.0 if rng.random() < 0.3 else float(rng.uniform(2, 4.5))
        tint = rng.uniform(0.75, 1.08) * rng.uniform(0.92, 1.06, 3)
        out = part.edge + part.houses + rng.uniform(0, 0.6 if part.terraced else 4)
        yield Building(
            at,
            length,
            part.side * out,
            float(rng.uniform(7, 12)),
            height,
            pitch,
            int(rng.integers(STYLES)),
            tint,
        )
        at += length + (0.0 if part.terraced and rng.random() < 0.88 else float(rng.uniform(2, 10)))


def _posts(rng: np.random.Generator, layout: Layout, part: Surroundings, start: float) -> Iterator[Item]:
    built = layout.setting in ("town", "suburb")
    if built or rng.random() < 0.4:
        out = -0.4 if built else rng.uniform(0.5, 4)
        arm = float(rng.choice((0.0, 1.5, 2.2))) if built else 0.0
        yield Post(start + rng.uniform(0, 10), part.side * (part.edge + out), float(rng.uniform(5, 9)), arm)


def _parked(rng: np.random.Generator, start: float, d: float) -> Iterator[Item]:
    at = start + 3.0
    while at < start + BLOCK - 3:
        if rng.random() < 0.6:
            vehicle = random_vehicle(rng)
            yaw = float(rng.normal(0, 0.02)) + np.pi * bool(d > 0 and rng.random() < 0.7)
            if vehicle.length < 6:
                yield Parked(at, float(d + rng.normal(0, 0.08)), vehicle, yaw)
        at += float(rng.uniform(5.8, 7.5))


def _near_side(layout: Layout) -> tuple[int, float]:
    """Which side one drives on, and where the carriageway ends there."""
    return (-1, layout.edges[0]) if layout.right_hand else (1, layout.edges[1])


def _signs(rng: np.random.Generator, layout: Layout, start: float) -> Iterator[Item]:
    side, edge = _near_side(layout)
    for _ in range(rng.binomial(2, 0.4)):
        size, height = float(rng.choice((0.6, 0.75, 0.9))), float(rng.uniform(1.9, 2.7))
        boards = [(int(rng.integers(COUNT)), height, size)]
        if rng.random() < 0.25:
            boards.append((int(rng.integers(COUNT)), height - size * 1.05, size))
        at = edge + side * rng.uniform(0.5, 2.0)
        yield SignPost(start + rng.uniform(0, BLOCK), float(at), tuple(boards), float(rng.normal(0, 0.12)))


def _lights(rng: np.random.Generator, layout: Layout, start: float) -> Iterator[Item]:
    side, edge = _near_side(layout)
    if layout.setting in ("town", "suburb") and rng.random() < 0.25:
        s, lamp = start + rng.uniform(0, BLOCK), int(rng.choice((0, 1, 2), p=(0.45, 0.1, 0.45)))
        for d in (edge + side * 0.6, sum(layout.edges) - edge - side * 0.6):
            yield TrafficLight(s, float(d), float(rng.uniform(2.2, 2.8)), lamp)


def _bystanders(rng: np.random.Generator, layout: Layout, start: float, crowd: float) -> Iterator[Item]:
    for d in layout.pavements:
        for _ in range(rng.poisson(0.5 * crowd)):
            figure = walker(Outfit.random(rng), 0.0, 0.2)
            yield Standing(
                start + rng.uniform(0, BLOCK),
                float(d + rng.normal(0, 0.4)),
                figure,
                float(rng.uniform(-3, 3)),
            )

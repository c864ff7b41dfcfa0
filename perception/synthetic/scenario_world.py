"""The world of a scenario: its road is one that suits, and its own vehicle and others keep to the plot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from perception.camera import CameraModel
from perception.synthetic.actors import Actor
from perception.synthetic.blocks import BLOCK, Block
from perception.synthetic.happenings import Happening
from perception.synthetic.layout import Layout, random_layout
from perception.synthetic.limits import in_force
from perception.synthetic.numbers import number_of
from perception.synthetic.people import Figure
from perception.synthetic.scenarios import SCENARIOS, Scenario, Setting
from perception.synthetic.scenery import SignPost
from perception.synthetic.traffic import Mover
from perception.synthetic.vehicles import Vehicle
from perception.synthetic.world import VIEW, World

TRIES = 400  # roads until one suits
STREAM_LANE, STREAM_WALKERS = 1, 2  # of `traffic.streams`: second number of their seed
SIGN = (2.2, 0.75)  # metres: height of the middle, diameter


class ScenarioWorld(World):
    """`World` of the scenario `name`. Signs, and who drives in our direction, are those of the plot alone."""

    def __init__(self, name: str, seed: int, camera: CameraModel | None = None) -> None:
        """Raises KeyError: there is no such scenario."""
        plot = SCENARIOS[name]
        rng = np.random.default_rng((seed, 31, list(SCENARIOS).index(name)))
        layout = next(x for _ in range(TRIES) if plot.suits(x := random_layout(rng)))
        self.scenario: Scenario = plot.make(Setting(rng, layout))
        super().__init__(int(rng.integers(2**31)), camera, layout=layout)
        self.speed = self.scenario.ride.speed
        self.streams = [x for x in self.streams if _kept(x.seed, self.layout)]
        self._posts = tuple(self._post(rng, ahead, sign) for ahead, sign in self.scenario.signs)

    def pose(self, t: float) -> tuple[float, float, float]:
        ahead, aside = self.scenario.ride(t), self.scenario.across(t)
        yaw = float(np.arctan2(aside.rate, max(ahead.rate, 1.0)))
        return self.start + ahead.at, aside.at, yaw

    def movers(self, t: float, s: float) -> list[Mover]:
        around = super().movers(t, s)
        actors = [self._mover(k, actor, t) for k, actor in enumerate(self.scenario.actors)]
        return around + [x for x in actors if s - 12 <= x.s <= s + VIEW]

    def limits(self, s: float) -> list[Happening]:
        return in_force([(post.s, post.boards[0][0]) for post in self._posts], s)

    def _mover(self, k: int, actor: Actor, t: float) -> Mover:
        along, across = actor.ride(t), actor.across(t)
        body = actor.body if isinstance(actor.body, Vehicle | Figure) else actor.body(t)
        moving = abs(along.rate) + abs(across.rate) > 0.1
        yaw = float(np.arctan2(across.rate, along.rate)) if moving else actor.yaw
        s = self.start + actor.ahead + along.at
        number = number_of(self.seed, "actor", k)
        return Mover(s, across.at, yaw, actor.class_id, body, number, along.rate, across.rate, along.gain)

    def _post(self, rng: np.random.Generator, ahead: float, sign: int) -> SignPost:
        right, left = self.layout.edges
        d = right - rng.uniform(0.5, 1.2) if self.layout.right_hand else left + rng.uniform(0.5, 1.2)
        return SignPost(self.start + ahead, float(d), ((sign, *SIGN),), float(rng.normal(0, 0.06)))

    def _block(self, k: int) -> Block:
        block = super()._block(k)
        own = [post for post in self._posts if k * BLOCK <= post.s < (k + 1) * BLOCK]
        return replace(block, items=[x for x in block.items if not isinstance(x, SignPost)] + own)


def _kept(seed: tuple[int, ...], layout: Layout) -> bool:
    """Oncoming traffic and walkers."""
    kind = seed[1]
    return kind == STREAM_WALKERS or (kind == STREAM_LANE and not layout.lanes[seed[2]].forward)

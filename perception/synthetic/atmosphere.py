"""From a scene painted in even light to what arrives at the lens: lamps at night, air, glass, own vehicle."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from perception.camera import CameraModel
from perception.synthetic import weather
from perception.synthetic.bloom import Shine, add_lamps, bloom, tone
from perception.synthetic.canvas import GROUND, SCENERY, Canvas
from perception.synthetic.conditions import Conditions
from perception.synthetic.depth import SKY, ranges
from perception.synthetic.ego import ego, lay
from perception.synthetic.light import Light
from perception.synthetic.night import LINEAR, Night, relit
from perception.synthetic.road import Strip
from perception.synthetic.scenery import Item, Post
from perception.synthetic.traffic import SIGN, Mover
from perception.synthetic.truth import Seen
from perception.synthetic.vehicles import Vehicle

MOST_LAMPS, MOST_CARS = 12, 6  # that light the scene, the nearest
BEAM = np.array([0.86, 0.96, 1.0])  # BGR of head lamps


@dataclass(frozen=True, eq=False)
class Atmosphere:
    conditions: Conditions
    light: Light
    night: Night
    seed: int
    wet: float
    strength: float  # of the glare around lamps
    streak: float  # share of it that runs along `angle`
    angle: float
    level: float  # linear grey that the road ahead gets in the dark

    @classmethod
    def random(
        cls, rng: np.random.Generator, conditions: Conditions, light: Light, setting: str, seed: int
    ) -> Atmosphere:
        tunnel = conditions.hour == "tunnel"
        soiled = bool(conditions.glass) or conditions.weather in ("rain", "snow")
        return cls(
            conditions,
            light,
            Night.random(rng, setting, tunnel),
            seed,
            light.wet,
            float(10 ** rng.uniform(-1.1, 0.0) * (1.6 if soiled else 1.0)),
            float(rng.uniform(0, 0.5)) if rng.random() < (0.5 if soiled else 0.15) else 0.0,
            float(rng.uniform(0, np.pi)),
            float((10 ** rng.uniform(1.2, 1.95) / 255) ** 2.2) * (2.5 if tunnel else 1.0),
        )

    @property
    def lamps_on(self) -> bool:
        return self.conditions.dark or self.conditions.hour == "dusk" or self.conditions.weather != ""

    def prepare(self, canvas: Canvas) -> None:
        """Switches on what shines before anything is painted."""
        canvas.unlit = not self.lamps_on
        if self.conditions.hour == "night":
            canvas.lamp, canvas.lit = self.night.lamp, self.night.lit

    def finish(
        self,
        image: np.ndarray,
        canvas: Canvas,
        scene: View,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """The picture (H, W, 3) uint8 before the lens; `canvas.ids` gets the own vehicle."""
        asked = self.conditions
        if self.lamps_on:
            image = self._lit(image, canvas, scene)
        effects = {"rain": weather.rain, "snow": weather.flakes}
        if asked.weather in effects:
            image = effects[asked.weather](image, rng, None)
        if asked.hour == "low_sun":
            image = self._sun(image, canvas)
        if asked.ego:
            size = (image.shape[1], image.shape[0])
            image, covered = lay(image, ego(size, np.random.default_rng((self.seed, 11)), image))
            canvas.ids[covered] = SCENERY
        if asked.glass:
            glass = {"drops": weather.drops, "dirt": weather.dirt}[asked.glass]
            image = glass(image, np.random.default_rng((self.seed, 12)), None)
        return image

    def _sun(self, image: np.ndarray, canvas: Canvas) -> np.ndarray:
        ahead = canvas.rotation @ canvas.sun
        if ahead[2] < 0.2:
            return image
        x, y = (canvas.matrix @ ahead)[:2] / ahead[2]
        return weather.flare(image, np.random.default_rng((self.seed, 13)), None, (float(x), float(y)))

    def _lit(self, image: np.ndarray, canvas: Canvas, scene: View) -> np.ndarray:
        """By lamps alone in the dark; else by day, with lamps seen."""
        if not self.conditions.dark:
            light = LINEAR[image]
            add_lamps(light, canvas.shines, canvas.ids, self.wet)
            shown = bloom(light, 0.4 * self.strength, self.streak, self.angle)
            return tone(shown * 1.1, 1.0)
        depth = scene.depth(canvas)
        night, tunnel = self.night, self.conditions.hour == "tunnel"
        lamps = self._lamps(scene, night, canvas)
        boards = np.array([x.class_id == SIGN for x in scene.seen], np.bool_)
        sky = 0.0 if tunnel else float(night.ambient.mean() * (3 if night.lamp.any() else 1))
        light = relit(
            image, canvas.ids, depth, scene.rays, scene.paint, boards, LINEAR, float(canvas.eye[2]),
            night.ambient, night.beam, night.high, night.ceiling, sky, lamps,
        )  # fmt: skip
        exposure = self.level * night.exposure / self._key(light, canvas.ids, depth)
        add_lamps(light, [self._scaled(x, exposure) for x in canvas.shines], canvas.ids, self.wet)
        return tone(bloom(light * np.float32(exposure), self.strength, self.streak, self.angle), 1.0)

    def _scaled(self, shine: Shine, exposure: float) -> Shine:
        """Lamps are far brighter than the scene whatever the exposure: what the sensor makes of them."""
        return replace(shine, colour=shine.colour / exposure * np.clip(exposure, 0.5, 4))

    def _key(self, light: np.ndarray, ids: np.ndarray, depth: np.ndarray) -> float:
        """Mean light of the road within 25 metres."""
        near = (ids[::4, ::4] == GROUND) & (depth[::4, ::4] < 25)
        values = light[::4, ::4][near]
        return max(float(values.mean()) if len(values) else 0.0, 1e-3)

    def _lamps(self, scene: View, night: Night, canvas: Canvas) -> np.ndarray:
        """(n, 8) see `relit`: street or tunnel lamps, and the head lamps of others; the nearest ones."""
        rows = []
        for thing in scene.things:
            at = scene.strip.to_vehicle(thing.s, thing.d)
            if isinstance(thing, Mover) and isinstance(thing.body, Vehicle):
                turn = float(scene.strip.turn(thing.s)) + thing.yaw
                front = at + np.array([np.cos(turn), np.sin(turn)]) * thing.body.length / 2
                rows.append((*front, 0.7, *(25 * BEAM), turn, 45.0))
            elif isinstance(thing, Post) and canvas.lamp.any():
                rows.append((*at, thing.height, *(4 * night.lamp), 9.0, 45.0))
        if self.conditions.hour == "tunnel":
            rows += self._ceiling(scene, night, canvas)
        found = np.array(rows, np.float64).reshape(-1, 8)
        found = found[np.argsort(np.hypot(found[:, 0], found[:, 1]), kind="stable")]
        street = found[:, 6] > 8
        return np.concatenate([found[street][:MOST_LAMPS], found[~street][:MOST_CARS]])

    def _ceiling(self, scene: View, night: Night, canvas: Canvas) -> list[tuple[float, ...]]:
        """Two rows of lamps, or one, over the carriageway; they are also seen."""
        middle, half = sum(scene.edges) / 2, (scene.edges[1] - scene.edges[0]) / 4
        rows, first = [], np.ceil((scene.strip.s[60] - 5) / night.every) * night.every
        for s in np.arange(first, first + 180, night.every):
            for d in (middle - half, middle + half):
                x, y = scene.strip.to_vehicle(float(s), d)
                rows.append((x, y, night.ceiling - 0.1, *(1.2 * night.lamp), 9.0, 40.0))
                canvas.shine(np.array([x, y, night.ceiling - 0.1]), 0.2, 0.8 * night.lamp, GROUND)
        return rows


@dataclass(frozen=True, eq=False)
class View:
    """What was painted, as far as light asks for it."""

    strip: Strip
    things: Sequence[Item | Mover]
    seen: Sequence[Seen]
    paint: np.ndarray  # (H, W) uint8
    grid: np.ndarray  # (H, W, 2) see surface.road_grid
    rays: np.ndarray  # (H, W, 2) see sky
    edges: tuple[float, float]  # of the carriageway, metres
    camera: CameraModel

    def depth(self, canvas: Canvas) -> np.ndarray:
        """(H, W) float32 metres along the ground."""
        spans = np.array(canvas.spans or [(SKY, SKY, SKY)], np.float32)
        return np.asarray(
            ranges(
                canvas.ids, self.grid, self.rays, spans, np.array([x.distance for x in self.seen], np.float32)
            )
        )

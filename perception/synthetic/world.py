"""A drive from a seed: everything that can be seen at any time t, and the truth about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from perception.camera import CameraModel
from perception.synthetic import truth
from perception.synthetic.atmosphere import Atmosphere, View
from perception.synthetic.blocks import BLOCK, Block, random_block, random_surroundings, walled
from perception.synthetic.cameras import default_camera
from perception.synthetic.canvas import FIRST, Canvas
from perception.synthetic.conditions import Conditions
from perception.synthetic.extras import Extras, clear_of, varied
from perception.synthetic.happenings import Happening, Own, happenings
from perception.synthetic.layout import Layout, random_layout
from perception.synthetic.legible import Legible
from perception.synthetic.lens import Lens
from perception.synthetic.light import random_light
from perception.synthetic.road import Course, Strip
from perception.synthetic.scenery import Item, Parked, SignPost, Standing, TrafficLight
from perception.synthetic.shadows import shade_at, shadow_maps
from perception.synthetic.shaking import STILL, Shaking
from perception.synthetic.sky import Sky, sky_rays
from perception.synthetic.surface import Surface, road_grid
from perception.synthetic.traffic import CYCLIST, LIGHT, MOTORBIKE, PERSON, SIGN, VEHICLE, Mover, streams
from perception.synthetic.truth import Seen
from perception.synthetic.vehicles import Vehicle
from perception.synthetic.who import other, who
from perception.types import Ego, Frame, Scene

MOMENT = 0.05  # seconds, over which rates are measured
VIEW = 220.0  # metres ahead at which things are still painted


@dataclass(frozen=True, eq=False)
class Rendered:
    frame: Frame
    truth: Scene
    paint: np.ndarray  # (H, W) bool: pixels of lane paint
    ignored: np.ndarray  # (k, 4) float32: boxes of objects too small or too hidden to ask for
    mounted: CameraModel  # as it sits in the vehicle by now; `frame.camera` is as it sat at first
    over_road: CameraModel  # as it looks at the road in this frame
    happenings: tuple[Happening, ...] = ()  # what a driver must know


class World:
    """Everything about a drive follows from its arguments: equal calls give equal bytes.

    `crowd`: how many times as many walkers, cyclists and motorcyclists as usual. `conditions`: a plain day
    without the own vehicle in view if None. `layout`: the road across; None: a random one. `shaking`: what
    moves the camera, of which `frame.camera` knows nothing.
    """

    def __init__(
        self,
        seed: int,
        camera: CameraModel | None = None,
        crowd: float = 1.0,
        conditions: Conditions | None = None,
        shaking: Shaking = STILL,
        layout: Layout | None = None,
    ) -> None:
        self.seed, self.camera, self.crowd = seed, camera or default_camera(), crowd
        self.shaking = shaking
        self.conditions = conditions or Conditions()
        if seed < 0 or any(self.camera.distortion):
            raise ValueError(f"expected seed >= 0 and a camera without distortion, got {seed}, {self.camera}")
        rng = np.random.default_rng((seed, 0))
        self.layout = layout or random_layout(rng)
        self.extras = None
        if self.conditions != Conditions():
            own = rng.spawn(1)[0]
            self.layout = varied(own, self.layout)
            self.extras = Extras.random(own, self.layout)
        sharpest = {"town": 1 / 160, "suburb": 1 / 130, "country": 1 / 140, "motorway": 1 / 500}
        self.course = Course.random(rng, sharpest[self.layout.setting] * rng.uniform(0, 1))
        self.light = random_light(rng, self.conditions)
        speeds = {"town": (4, 13), "suburb": (5, 13), "country": (12, 26), "motorway": (18, 36)}
        self.speed = float(rng.uniform(*speeds[self.layout.setting]))
        self.start = float(rng.uniform(0, 1000))
        self.sway = rng.uniform((0.0, 0.2, 0.0), (0.3, 0.6, 6.28))  # metres, rad/s, rad
        self.sky = Sky.random(rng, self.light, self.camera)
        self.surface = Surface.random(
            rng, self.layout, self.light, self.camera, self.conditions.weather == "snow"
        )
        self.streams = streams(rng, seed, self.layout, self.speed, crowd)
        self.around = tuple(random_surroundings(rng, self.layout, side) for side in (-1, 1))
        if self.conditions.hour == "tunnel":
            self.around = tuple(walled(x) for x in self.around)
        self.lens = Lens.random(rng, self.camera.size, self.conditions.dark)
        self.air = Atmosphere.random(rng, self.conditions, self.light, self.layout.setting, seed)
        self.block = lru_cache(maxsize=32)(self._block)
        self.seen_by = lru_cache(maxsize=2)(self._seen_by)

    def render(self, t: float) -> Rendered:
        """What the camera sees after t seconds of driving."""
        s, d, yaw = self.pose(t)
        strip = self.course.strip(s, d, yaw)
        heading = float(self.course.heading(np.array(s))) + yaw
        image = np.empty((*self.camera.size[::-1], 3), np.uint8)
        camera = self.shaking.over_road(self.camera, t)
        sky, ground = self.seen_by(camera)
        canvas = Canvas(image, camera, self.light, heading)
        self.air.prepare(canvas)
        sky.paint(image, heading)
        blocks = [self.block(k) for k in range(int((s - 15) // BLOCK), int((s + VIEW) // BLOCK) + 1)]
        things: list[Item | Mover] = [x for b in blocks for x in b.items]
        things += self.movers(t, s)
        shadows = shadow_maps(things, s, self.light, heading, strip)
        mouths = np.array([m for b in blocks for m in b.mouths], np.float64).reshape(-1, 3)
        surface, paint = ground.paint(image, strip, self.light, mouths, shadows)
        for stamp in (x for b in blocks for x in b.stamps):
            stamp.paint(canvas, strip, shade_at(shadows[0], stamp.s - strip.s[0], stamp.d))
        seen = self._stand(canvas, strip, things, camera)
        rng = np.random.default_rng((self.seed, 9, round(t * 1e6) % 2**63))
        view = View(strip, things, seen, paint, ground.grid, sky.rays, self.layout.edges, camera)
        image = self.air.finish(image, canvas, view, rng)
        picture = self.lens.expose(image, rng)
        frame = Frame(
            picture, round(t * 1e9), round(t * 20), f"synthetic:{self.seed}", self.camera, self.ego(t)
        )
        legible = None if self.conditions == Conditions() else Legible(image, self.lens.noise)
        found = self._truth(frame, canvas, strip, seen, surface, paint, mouths, legible, camera, t)
        return replace(found, happenings=tuple(self.happened(t, things, found.truth)))

    def _seen_by(self, camera: CameraModel) -> tuple[Sky, Surface]:
        """Sky and ground in the pixels of a camera of the same height and lens."""
        if camera == self.camera:
            return self.sky, self.surface
        return replace(self.sky, rays=sky_rays(camera)), replace(self.surface, grid=road_grid(camera))

    def ego(self, t: float) -> Ego:
        """The own motion, from the poses a moment before and after."""
        (s0, d0, yaw0), (s1, d1, yaw1) = self.pose(t - MOMENT), self.pose(t + MOMENT)
        turn = float(self.course.heading(np.array(s1)) - self.course.heading(np.array(s0)))
        along = (s1 - s0) - turn * (d0 + d1) / 2
        return Ego(float(np.hypot(along, d1 - d0)) / (2 * MOMENT), (turn + yaw1 - yaw0) / (2 * MOMENT))

    def limits(self, s: float) -> list[Happening]:
        """The speed limit at `s`; its signs are random, and nobody judges them."""
        return []

    def happened(self, t: float, things: Sequence[Item | Mover], seen: Scene) -> list[Happening]:
        """What a driver must know at time t; `seen`: the truth of the things that are in sight."""
        s, d, _ = self.pose(t)
        (s0, d0, _), (s1, d1, _) = self.pose(t - MOMENT), self.pose(t + MOMENT)
        gain = (s1 - 2 * s + s0) / MOMENT**2
        own = Own(d, (s1 - s0) / (2 * MOMENT), (d1 - d0) / (2 * MOMENT), gain)
        found = seen.detections
        assert found is not None
        assert found.track is not None
        tall = dict(
            zip(found.track.tolist(), (found.xyxy[:, 3] - found.xyxy[:, 1]) / seen.size[1], strict=True)
        )
        others = [x for thing in things if (x := other(thing, s, tall)) is not None]
        return [*happenings(self.layout, own, others), *self.limits(s)]

    def pose(self, t: float) -> tuple[float, float, float]:
        """(s, d, yaw relative to the road) of the vehicle."""
        width, rate, phase = self.sway
        s = self.start + self.speed * t
        d = self.layout.lanes[self.layout.ego].d + width * np.sin(rate * t + phase)
        yaw = np.arctan2(width * rate * np.cos(rate * t + phase), self.speed)
        return s, float(d), float(yaw)

    def movers(self, t: float, s: float) -> list[Mover]:
        """All that moves within view."""
        found = [m for x in self.streams for m in x.near(t, s - 12, s + VIEW) if not self._mine(m, s)]
        return found if self.extras is None else clear_of(found, self.extras.across(self.seed, t, s))

    def _mine(self, mover: Mover, s: float) -> bool:
        """Too close to the ego vehicle in its own lane."""
        lane = self.layout.lanes[self.layout.ego]
        return abs(mover.d - lane.d) < 1.5 and -14 < mover.s - s < 9

    def _block(self, k: int) -> Block:
        rng = np.random.default_rng((self.seed, 5, k + 2**20))
        return random_block(rng, self.layout, self.around, k * BLOCK, self.crowd, self.extras)

    def _stand(
        self, canvas: Canvas, strip: Strip, things: list[Item | Mover], camera: CameraModel
    ) -> list[Seen]:
        """Paints everything upright, far to near."""
        near = strip.to_vehicle(np.array([x.s for x in things]), np.array([x.d for x in things]))
        sizes = np.array([(getattr(x, "length", 0.0), x.reach, x.behind) for x in things]).reshape(-1, 3)
        far = near + sizes[:, :1] * np.stack([np.cos(a := strip.turn([x.s for x in things])), np.sin(a)], -1)
        shown = _in_view(camera, near, sizes[:, 1]) | _in_view(camera, far, sizes[:, 1])
        order = np.argsort(-np.hypot(*far.T) - sizes[:, 2], kind="stable")
        seen: list[Seen] = []
        for k in order[shown[order]]:
            ends = np.hypot(*near[k]), np.hypot(*far[k])
            canvas.span(min(*ends, abs(near[k, 1])) if sizes[k, 0] else ends[0], max(ends), near[k, 1])
            self._paint(canvas, strip, things[k], near[k], seen)
        return seen

    def _paint(
        self, canvas: Canvas, strip: Strip, thing: Item | Mover, at: np.ndarray, seen: list[Seen]
    ) -> None:
        if not isinstance(thing, Mover | Parked | Standing | SignPost | TrafficLight):
            thing.paint(canvas, strip)
            return
        ident = FIRST + len(seen)
        turn = float(strip.turn(thing.s))
        note = truth.Notes(canvas, seen, float(np.hypot(*at)), who(thing, at, turn))
        if isinstance(thing, Mover | Parked | Standing):
            yaw = turn + thing.yaw
            if isinstance(thing, Mover):
                body, class_id = thing.body, thing.class_id
            elif isinstance(thing, Parked):
                body, class_id = thing.vehicle, VEHICLE
            else:
                body, class_id = thing.figure, PERSON
            if isinstance(body, Vehicle):
                lit, canvas.unlit = canvas.unlit, canvas.unlit or isinstance(thing, Parked)
                note.add(body.mesh.paint(canvas, at, yaw, ident), class_id)
                canvas.unlit = lit
            else:
                note.add(body.paint(canvas, at, yaw, ident), class_id)
                if class_id in (CYCLIST, MOTORBIKE):
                    body.shine(canvas, at, yaw, ident, 1.0 if class_id == MOTORBIKE else 0.15)
        elif isinstance(thing, SignPost):
            thing.post(canvas, strip)
            for k, board in enumerate(thing.boards):
                note.who = who(thing, at, turn, k)
                note.add(thing.board(canvas, strip, k, FIRST + len(seen)), SIGN, board[0])
        else:
            note.add(thing.paint(canvas, strip, ident), LIGHT)

    def _truth(
        self,
        frame: Frame,
        canvas: Canvas,
        strip: Strip,
        seen: list[Seen],
        surface: np.ndarray,
        paint: np.ndarray,
        mouths: np.ndarray,
        legible: Legible | None,
        camera: CameraModel,
        t: float,
    ) -> Rendered:
        free = canvas.ids == 0
        detections, signs, ignored = truth.objects(canvas, seen, legible)
        lanes = truth.lanes(self.layout, strip, camera, self.light, free, mouths, legible)
        road = truth.free_road(self.layout, surface, free)
        scene = Scene(frame.seq, frame.stamp_ns, frame.size, detections, signs, lanes, road)
        mounted = self.shaking.mounted(self.camera, t)
        return Rendered(frame, scene, (paint > 90) & free, ignored, mounted, camera)


def _in_view(c: CameraModel, at: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """Which points (n, 2) on the road lie less than `reach` metres outside the image's sides."""
    half = np.arctan(max(c.cx, c.size[0] - c.cx) / c.fx)
    x, y = (
        at[:, 0] * np.cos(c.yaw) + at[:, 1] * np.sin(c.yaw),
        at[:, 1] * np.cos(c.yaw) - at[:, 0] * np.sin(c.yaw),
    )
    outside = np.abs(y) * np.cos(half) - x * np.sin(half)
    return (outside < reach) & (x < VIEW) & (x > -reach)

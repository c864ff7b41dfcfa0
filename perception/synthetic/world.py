"""A drive from a seed: everything that can be seen at any time t, and the truth about it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from perception.camera import CameraModel
from perception.synthetic import truth
from perception.synthetic.blocks import BLOCK, block, random_surroundings
from perception.synthetic.cameras import default_camera
from perception.synthetic.canvas import FIRST, Canvas
from perception.synthetic.layout import random_layout
from perception.synthetic.lens import Lens
from perception.synthetic.light import random_light
from perception.synthetic.road import Course, Strip
from perception.synthetic.scenery import Item, Parked, SignPost, Standing, TrafficLight
from perception.synthetic.shadows import shadow_maps
from perception.synthetic.sky import Sky
from perception.synthetic.surface import Surface
from perception.synthetic.traffic import LIGHT, PERSON, SIGN, VEHICLE, Mover, streams
from perception.synthetic.truth import Seen
from perception.synthetic.vehicles import Vehicle
from perception.types import Frame, Scene

VIEW = 220.0  # metres ahead at which things are still painted


@dataclass(frozen=True, eq=False)
class Rendered:
    frame: Frame
    truth: Scene
    paint: np.ndarray  # (H, W) bool: pixels of lane paint
    ignored: np.ndarray  # (k, 4) float32: boxes of objects too small or too hidden to ask for


class World:
    """Everything about a drive follows from the seed (and the camera): equal calls give equal bytes."""

    def __init__(self, seed: int, camera: CameraModel | None = None) -> None:
        self.seed, self.camera = seed, camera or default_camera()
        rng = np.random.default_rng((seed, 0))
        self.layout = random_layout(rng)
        sharpest = {"town": 1 / 160, "suburb": 1 / 130, "country": 1 / 140, "motorway": 1 / 500}
        self.course = Course.random(rng, sharpest[self.layout.setting] * rng.uniform(0, 1))
        self.light = random_light(rng)
        speeds = {"town": (4, 13), "suburb": (5, 13), "country": (12, 26), "motorway": (18, 36)}
        self.speed = float(rng.uniform(*speeds[self.layout.setting]))
        self.start = float(rng.uniform(0, 1000))
        self.sway = rng.uniform((0.0, 0.2, 0.0), (0.3, 0.6, 6.28))  # metres, rad/s, rad
        self.sky = Sky.random(rng, self.light, self.camera)
        self.surface = Surface.random(rng, self.layout, self.light, self.camera)
        self.streams = streams(rng, seed, self.layout, self.speed)
        self.around = tuple(random_surroundings(rng, self.layout, side) for side in (-1, 1))
        self.lens = Lens.random(rng, self.camera.size)
        self.block = lru_cache(maxsize=32)(self._block)

    def render(self, t: float) -> Rendered:
        """What the camera sees after t seconds of driving."""
        s, d, yaw = self.pose(t)
        strip = self.course.strip(s, d, yaw)
        heading = float(self.course.heading(np.array(s))) + yaw
        image = np.empty((*self.camera.size[::-1], 3), np.uint8)
        self.sky.paint(image, heading)
        things = self.things(t, s)
        shadow, contact = shadow_maps(things, s, self.light, heading, strip)
        surface, paint = self.surface.paint(image, strip, self.light, shadow, contact)
        canvas = Canvas(image, self.camera, self.light, heading)
        seen = self._stand(canvas, strip, things)
        rng = np.random.default_rng((self.seed, 9, round(t * 1e6) % 2**63))
        frame = Frame(self.lens.expose(image, rng), round(t * 1e9), round(t * 20), f"synthetic:{self.seed}", self.camera)
        return self._truth(frame, canvas, strip, seen, surface, paint)

    def pose(self, t: float) -> tuple[float, float, float]:
        """(s, d, yaw relative to the road) of the vehicle."""
        width, rate, phase = self.sway
        s = self.start + self.speed * t
        d = self.layout.lanes[self.layout.ego].d + width * np.sin(rate * t + phase)
        yaw = np.arctan2(width * rate * np.cos(rate * t + phase), self.speed)
        return s, float(d), float(yaw)

    def things(self, t: float, s: float) -> list[Item | Mover]:
        """All that stands or moves within view, in no order."""
        found: list[Item | Mover] = []
        for k in range(int((s - 15) // BLOCK), int((s + VIEW) // BLOCK) + 1):
            found += self.block(k)
        for stream in self.streams:
            found += [m for m in stream.near(t, s - 12, s + VIEW) if not self._mine(m, s)]
        return found

    def _mine(self, mover: Mover, s: float) -> bool:
        """Too close to the ego vehicle in its own lane."""
        lane = self.layout.lanes[self.layout.ego]
        return abs(mover.d - lane.d) < 1.5 and -14 < mover.s - s < 9

    def _block(self, k: int) -> list[Item]:
        return block(np.random.default_rng((self.seed, 5, k + 2**20)), self.layout, self.around, k * BLOCK)

    def _stand(self, canvas: Canvas, strip: Strip, things: list[Item | Mover]) -> list[Seen]:
        """Paints everything upright, far to near."""
        at = strip.to_vehicle([x.s for x in things], [x.d for x in things])
        seen: list[Seen] = []
        for k in np.argsort(-at[:, 0], kind="stable"):
            x, y = at[k]
            if x > VIEW or x < -12:
                continue
            self._paint(canvas, strip, things[k], at[k], seen)
        return seen

    def _paint(self, canvas: Canvas, strip: Strip, thing: Item | Mover, at: np.ndarray, seen: list[Seen]) -> None:
        ident = FIRST + len(seen)
        note = truth.Notes(canvas, seen, float(np.hypot(*at)))
        if isinstance(thing, Mover | Parked | Standing):
            yaw = float(strip.turn(thing.s)) + thing.yaw
            if isinstance(thing, Mover):
                body, class_id = thing.body, thing.class_id
            elif isinstance(thing, Parked):
                body, class_id = thing.vehicle, VEHICLE
            else:
                body, class_id = thing.figure, PERSON
            if isinstance(body, Vehicle):
                note.add(body.mesh.paint(canvas, at, yaw, ident), class_id)
            else:
                note.add(body.paint(canvas, at, yaw, ident), class_id)
        elif isinstance(thing, SignPost):
            thing.post(canvas, strip)
            for k, board in enumerate(thing.boards):
                note.add(thing.board(canvas, strip, k, FIRST + len(seen)), SIGN, board[0])
        elif isinstance(thing, TrafficLight):
            note.add(thing.paint(canvas, strip, ident), LIGHT)
        else:
            thing.paint(canvas, strip)

    def _truth(
        self, frame: Frame, canvas: Canvas, strip: Strip, seen: list[Seen], surface: np.ndarray, paint: np.ndarray
    ) -> Rendered:
        free = canvas.ids == 0
        detections, signs, ignored = truth.objects(canvas, seen)
        lanes = truth.lanes(self.layout, strip, self.camera, self.light, free)
        drivable = truth.drivable(self.layout, surface, free)
        scene = Scene(frame.seq, frame.stamp_ns, frame.size, detections, signs, lanes, drivable)
        return Rendered(frame, scene, (paint > 90) & free, ignored)


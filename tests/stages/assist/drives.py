"""Drives on a straight road whose truth is arithmetic, with the noise of what is measured.

Metres and seconds; x ahead of the vehicle, y to the left. A mover is (class, x(t), y(t), speed(t)).
"""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from perception.stages.assist import Assist
from perception.types import Detections, Ego, Frame, LaneLine, Scene, Signs

CLASSES = ("vehicle", "person", "cyclist", "motorbike")
SIGNS = ("speed_limit_50", "speed_limit_80", "speed_limit_80_end", "restrictions_end", "stop")
IMAGE = np.zeros((72, 128, 3), np.uint8)
SIZE = (1280, 720)
FOCAL = 1000.0
TALL = {"vehicle": 1.5, "person": 1.7, "cyclist": 1.7, "motorbike": 1.5}
HALF_LANE = 1.75


@dataclass
class Mover:
    name: str
    x: Callable[[float], float]
    y: Callable[[float], float]
    speed: Callable[[float], float] = lambda t: 0.0
    aside: Callable[[float], float] = lambda t: 0.0


@dataclass
class Drive:
    speed: Callable[[float], float] = lambda t: 15.0
    shift: Callable[[float], float] = lambda t: 0.0  # of the own vehicle to the left of its lane's middle
    movers: list[Mover] = field(default_factory=list)
    signs: Callable[[float], list[tuple[str, int]]] = lambda t: []  # names and tracks
    knows_speed: bool = True
    paint: bool = True


def events(drive: Drive, seconds=8.0, rate=15.0, seed=0, noise=1.0):
    """[(time, {name: event})] of each frame."""
    rng, assist = np.random.default_rng(seed), Assist(CLASSES, SIGNS)
    scales = 1 + noise * rng.normal(0, 0.03, len(drive.movers))
    slow = np.zeros((len(drive.movers), 3))  # errors of speed, of drift and of lateral position
    found = []
    for seq in range(int(seconds * rate)):
        t = seq / rate
        slow = 0.9 * slow + noise * rng.normal(0, (0.15, 0.08, 0.04), slow.shape)
        scene = Scene(seq, int(t * 1e9), SIZE, _objects(drive, t, scales, slow, rng, noise), _signs(drive, t))
        scene = Scene(
            scene.seq,
            scene.stamp_ns,
            SIZE,
            scene.detections,
            scene.signs,
            _lines(drive, t, rng, noise) if drive.paint else (),
        )
        ego = Ego(drive.speed(t), 0.0) if drive.knows_speed else None
        seen = assist(Frame(IMAGE, scene.stamp_ns, seq, ego=ego), scene)
        found.append((t, {event.name: event for event in seen.events}))
    return found


def times(found, name):
    """When it began and ended, seconds: the first pair, or None."""
    on = [t for t, own in found if name in own]
    return (on[0], on[-1]) if on else None


def _objects(drive, t, scales, slow, rng, noise):
    rows = [(k, m) for k, m in enumerate(drive.movers) if 3 < m.x(t) < 90]
    x = np.array([m.x(t) * scales[k] * (1 + 0.01 * noise * rng.normal()) for k, m in rows])
    y = np.array([m.y(t) - drive.shift(t) + slow[k, 2] for k, m in rows])
    high = np.array([FOCAL * TALL[m.name] / m.x(t) + 0.5 * noise * rng.normal() for _, m in rows])
    foot = 360 + FOCAL * 1.4 / np.maximum(x, 1)
    column = 640 - FOCAL * y / np.maximum(x, 1)
    boxes = (
        np.stack([column - high / 2, foot - high, column + high / 2, foot], 1) if rows else np.zeros((0, 4))
    )
    velocity = np.array([[m.speed(t) + slow[k, 0], m.aside(t) + slow[k, 1]] for k, m in rows]).reshape(-1, 2)
    return Detections(
        boxes.astype(np.float32),
        np.full(len(rows), 0.8, np.float32),
        np.array([CLASSES.index(m.name) for _, m in rows], np.int32),
        np.array([k for k, _ in rows], np.int64),
        np.zeros(len(rows), np.float32),
        np.stack([x, y], 1).astype(np.float32).reshape(-1, 2),
        (0.05 * x).astype(np.float32),
        velocity.astype(np.float32) if drive.knows_speed else np.full((len(rows), 2), np.nan, np.float32),
    )


def _lines(drive, t, rng, noise):
    along = np.linspace(5, 40, 20)
    lines = []
    for number, (role, side) in enumerate((("ego_left", HALF_LANE), ("ego_right", -HALF_LANE))):
        across = side - drive.shift(t) + noise * (0.03 * rng.normal() + 0.02 * rng.normal(size=20))
        road = np.stack([along, across], 1).astype(np.float32)
        image = np.stack([640 - FOCAL * across / along, 360 + 1400 / along], 1).astype(np.float32)
        lines.append(LaneLine(image, road, 0.9, 1, number, role))
    return tuple(lines)


def _signs(drive, t):
    shown = drive.signs(t)
    boxes = np.tile(np.float32((900, 200, 930, 230)), (len(shown), 1)).reshape(-1, 4)
    ids = np.array([SIGNS.index(name) for name, _ in shown], np.int32)
    tracks = np.array([track for _, track in shown], np.int64)
    return Signs(boxes, ids, np.full(len(shown), 0.95, np.float32), tracks)

"""Small drives: things on a flat road, boxes as a camera sees them, and the stages over them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from perception.bundle import TaskSpec
from perception.camera import CameraModel
from perception.stages import ready
from perception.types import Detections, Ego, Frame, LaneLine, Scene

SIZE = (1280, 720)
CAMERA = CameraModel(SIZE, 1000, 1000, 640, 360, height=1.5, pitch=0.03)
CLASSES = ("vehicle", "person", "traffic_sign")
IMAGE = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
CAR = 1.53, 1.8  # metres tall and wide


def boxes(things, pitch=0.0, size=CAR, camera=CAMERA):
    """(n, 4): of things at (ahead, left) metres, while the camera looks `pitch` farther down."""
    out = []
    tilted = CameraModel(**{**vars_of(camera), "pitch": camera.pitch + pitch})
    for x, y in things:
        low, high = tilted.project(np.array([(x, y, 0.0), (x, y, size[0])]))
        half = camera.fx * size[1] / x / 2
        out.append((low[0] - half, high[1], low[0] + half, low[1]))
    return np.array(out, np.float32).reshape(-1, 4)


def vars_of(camera):
    return {name: getattr(camera, name) for name in camera.__dataclass_fields__}


def found(xyxy, class_id=0, score=0.95):
    n = len(xyxy)
    return Detections(xyxy, np.full(n, score, np.float32), np.full(n, class_id, np.int32))


def line(foot, far=640.0, kind=1):
    """A straight lane line from a column at the bottom of the image towards one in row 345."""
    at = np.linspace(0, 0.9, 20)
    return LaneLine(
        np.stack([foot + (far - foot) * at, 719 - 374 * at], 1).astype(np.float32), None, 0.9, kind
    )


def drive(
    seen: Callable[[int], Detections | None],
    frames: int,
    rate: float = 10.0,
    ego: Ego | Callable[[int], Ego | None] | None = None,
    camera: CameraModel | None = CAMERA,
    lanes: Callable[[int], tuple[LaneLine, ...]] | None = None,
    stages=None,
) -> Iterator[Scene]:
    stages = stages or tracking()
    for k in range(frames):
        stamp = int(k / rate * 1e9)
        image = IMAGE if camera is None else IMAGE[: camera.size[1], : camera.size[0]]
        frame = Frame(image, stamp, k, "", camera, ego(k) if callable(ego) else ego)
        scene = Scene(k, stamp, frame.size, seen(k), lanes=None if lanes is None else lanes(k))
        for stage in stages:
            scene = stage(frame, scene)
        yield scene


def tracking():
    lanes = TaskSpec("lanes", ("unknown", "solid", "dashed", "double", "road_edge"), ())
    return ready(None, [TaskSpec("detection", CLASSES, ()), lanes])

"""Every stage on a few made-up frames, so that no real frame waits for the compiler."""

from __future__ import annotations

import cv2
import numpy as np

from perception.bundle import MAIN, TaskSpec
from perception.camera import CameraModel
from perception.stages import ready
from perception.types import ClassMap, Detections, Ego, Frame, LaneLine, Scene, Signs

SIZE = (640, 384)
FRAMES = 4
TASKS = [
    TaskSpec("detection", ("vehicle", "person"), (), (), MAIN, {}),
    TaskSpec("lanes", ("solid", "road_edge"), (), (), MAIN, {}),
    TaskSpec("signs", ("stop",), (), (), MAIN, {}),
    TaskSpec("drivable", ("other", "drivable"), (), (), MAIN, {}),
]
CAMERA = CameraModel(SIZE, 500.0, 500.0, 320.0, 192.0, pitch=0.01)


def warm_up() -> None:
    stages = ready(None, TASKS)
    ground = cv2.blur(np.random.default_rng(0).integers(0, 256, (*SIZE[::-1], 3), np.uint8), (3, 3))
    for seq in range(FRAMES):
        stamp_ns = seq * 100_000_000
        frame = Frame(np.roll(ground, seq, 1), stamp_ns, seq, "", CAMERA, Ego(10.0, 0.0))
        objects = _objects()[: 2 - seq // (FRAMES - 1)]  # one of them is hidden in the last
        free = ClassMap(np.full((48, 80), seq % 2, np.uint8), SIZE)
        scene = Scene(seq, stamp_ns, SIZE, objects, _signs(), (_line(150.0), _line(500.0)), free)
        for stage in stages:
            scene = stage(frame, scene)


def _objects() -> Detections:
    boxes = np.array([[280, 180, 340, 230], [400, 170, 420, 240]], np.float32)
    return Detections(boxes, np.array([0.9, 0.8], np.float32), np.array([0, 1], np.int32))


def _signs() -> Signs:
    box = np.array([[500, 100, 520, 120]], np.float32)
    return Signs(box, np.array([0], np.int32), np.array([0.9], np.float32))


def _line(foot: float) -> LaneLine:
    y = np.linspace(380, 210, 20)
    x = 320 + (foot - 320) * (y - 192) / (380 - 192)
    return LaneLine(np.stack([x, y], 1).astype(np.float32), None, 0.9, 0)

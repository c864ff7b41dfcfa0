"""Tasks, frames and scenes for the sinks."""

from __future__ import annotations

import numpy as np

from perception.types import ClassMap, Detections, Frame, LaneLine, Scene, Signs


class FakeTask:
    """Paints a square of its own place and colour."""

    outputs = needs = ()

    def __init__(
        self, name: str, classes: tuple[str, ...], colour: tuple[int, int, int] = (0, 0, 255)
    ) -> None:
        self.name, self.classes, self.colour = name, classes, colour

    def decode(self, raw, frame, box, scene):
        return scene

    def draw(self, canvas, scene):
        height, width = canvas.shape[:2]
        canvas[height // 2 :, width // 2 :] = self.colour


class FakeStage:
    """Paints a square beside that of the tasks."""

    def draw(self, canvas, scene):
        height, width = canvas.shape[:2]
        canvas[height // 2 :, : width // 2] = (255, 0, 0)


TASKS = (
    FakeTask("detection", ("vehicle", "person")),
    FakeTask("lanes", ("unknown", "solid", "dashed")),
    FakeTask("signs", tuple(f"sign {k}" for k in range(43))),
    FakeTask("drivable", ("background", "drivable")),
)


def frame(
    seq: int = 0, size: tuple[int, int] = (96, 64), value: int = 128, source: str = "clip.mp4"
) -> Frame:
    return Frame(np.full((size[1], size[0], 3), value, np.uint8), seq * 40_000_000, seq, source)


def empty(of: Frame) -> Scene:
    return Scene(of.seq, of.stamp_ns, of.size)


def full(of: Frame) -> Scene:
    """Something of everything."""
    width, height = of.size
    box = np.array([[1.234, 2.0, 30.06, 40.0]], np.float32)
    line = np.array([[width / 2, height], [width / 2, height / 2]], np.float32)
    labels = np.zeros((4, 6), np.uint8)
    labels[2:] = 1
    return Scene(
        of.seq,
        of.stamp_ns,
        of.size,
        Detections(box, np.array([0.98765], np.float32), np.array([1], np.int32)),
        Signs(box, np.array([14], np.int32), np.array([0.5], np.float32)),
        (LaneLine(line, np.array([[5.123, 1.0], [np.nan, np.nan]], np.float32), 0.75, 2),),
        ClassMap(labels, of.size),
        {"network": 10.23456},
    )

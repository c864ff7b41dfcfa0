"""Tasks, frames and scenes for the sinks."""

from __future__ import annotations

import numpy as np

from perception.types import (
    VOID,
    ClassMap,
    Detections,
    Frame,
    ImageClass,
    LabelMap,
    LaneLine,
    ObjectClasses,
    Scene,
    Signs,
)


class FakeTask:
    """Paints a square of its own place and colour."""

    outputs = needs = ()

    def __init__(
        self,
        name: str,
        classes: tuple[str, ...],
        colour: tuple[int, int, int] = (0, 0, 255),
        kind: str = "",
    ) -> None:
        self.name, self.classes, self.colour, self.kind = name, classes, colour, kind

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
ADDED = (  # two of the kinds of which a message holds the classes of all tasks
    FakeTask("weather", ("day", "rain"), kind="image"),
    FakeTask("place", ("town", "country"), kind="image"),
    FakeTask("state", ("red", "green"), kind="object"),
    FakeTask("surface", ("sky", "road"), kind="map"),
    FakeTask("kerb", ("low", "high"), kind="map"),
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


def added(of: Frame) -> dict[str, dict]:
    """Something of every added task, by the fields of a scene."""
    sure = np.array([0.25, 0.75], np.float32)
    box = np.array([[1.2, 2.0, 30.1, 40.0]], np.float32)
    labels = np.array([[0, 0, 1], [1, 1, VOID]], np.uint8)
    return {
        "image_classes": {t.name: ImageClass(t.classes, sure) for t in ADDED if t.kind == "image"},
        "object_classes": {
            t.name: ObjectClasses(t.classes, box, np.array([1], np.int32), sure[1:])
            for t in ADDED
            if t.kind == "object"
        },
        "class_maps": {t.name: LabelMap(t.classes, labels, of.size) for t in ADDED if t.kind == "map"},
    }

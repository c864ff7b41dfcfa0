"""A pipeline that sees the same in every image, and stops when it is told."""

from __future__ import annotations

from threading import Event
from types import SimpleNamespace

import numpy as np

from perception.errors import FrameError
from perception.node.loading import Loaded
from perception.types import ClassMap, Detections, LaneLine, Scene, Signs

BOX = np.array([[10.0, 20.0, 30.0, 60.0]], np.float32)
SURE = np.array([0.75], np.float32)
FIRST = np.array([0], np.int32)
LINE = np.array([[40.0, 90.0], [45.0, 50.0]], np.float32)
CLASSES = {
    "detection": ("vehicle",),
    "lanes": ("unknown", "solid"),
    "signs": ("stop",),
    "drivable": ("background", "drivable"),
}


class FakeTask:
    outputs, needs = (), ()

    def __init__(self, name: str) -> None:
        self.name, self.classes = name, CLASSES[name]

    def draw(self, canvas, scene):
        canvas[:] = 255


class FakePipeline:
    """Waits for `go` before it answers; an image whose first pixel is 13 fails, one of 66 is a bug."""

    def __init__(self, names=tuple(CLASSES)) -> None:
        self.tasks, self.stages = [FakeTask(name) for name in names], ()
        self.backend = SimpleNamespace(device="cpu")
        self.go, self.busy = Event(), Event()
        self.go.set()
        self.frames = []
        self.closed = False

    def __call__(self, frame):
        self.busy.set()
        assert self.go.wait(10)
        self.frames.append(frame)
        if frame.image[0, 0, 0] == 13:
            raise FrameError("expected luck")
        if frame.image[0, 0, 0] == 66:
            raise RuntimeError("a bug")
        ran = {task.name for task in self.tasks}
        return Scene(
            frame.seq,
            frame.stamp_ns,
            frame.size,
            detections=Detections(BOX, SURE, FIRST) if "detection" in ran else None,
            signs=Signs(BOX, FIRST, SURE) if "signs" in ran else None,
            lanes=(LaneLine(LINE, frame.camera and LINE / 10, 0.5, 1),) if "lanes" in ran else None,
            drivable=ClassMap(np.ones((2, 2), np.uint8), frame.size) if "drivable" in ran else None,
            timing_ms={"network": 5.0},
        )

    def close(self):
        self.closed = True

    def load(self, settings):
        """What the node calls."""
        return Loaded(self, {"detection": 0.4}, "fake 1")

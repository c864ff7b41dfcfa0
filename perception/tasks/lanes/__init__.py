"""Where the lane lines run: ordered points, one object a line, not a mask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from perception.bundle import TaskSpec
from perception.interfaces import Backend
from perception.letterbox import Letterbox
from perception.tasks.lanes.decode import LaneSettings, decode, maps_of
from perception.tasks.lanes.draw import draw
from perception.types import Frame, RawOutputs, Scene

CLASSES = ("unknown", "solid", "dashed")


class Lanes:
    """Fills `scene.lanes`."""

    name = "lanes"

    def __init__(self, spec: TaskSpec, network: Backend | None = None) -> None:
        self.classes = spec.classes
        self.outputs = spec.outputs
        self.needs = spec.needs
        self._settings = LaneSettings(
            threshold=float(spec.settings.get("threshold", 0.5)),
            min_length=float(spec.settings.get("min_length", 24)),
        )

    def decode(self, raw: RawOutputs, frame: Frame, box: Letterbox, scene: Scene) -> Scene:
        if "lanes.cells" in raw:
            maps = maps_of(raw["lanes.cells"], raw["lanes.logits"], raw["lanes.paint"], box)
        else:
            maps = raw["lanes.map"][0]
        return replace(scene, lanes=decode(maps, frame, box, self._settings))

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        if scene.lanes is not None:
            draw(canvas, scene.lanes)

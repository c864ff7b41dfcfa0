"""Where the lane lines and the road's edges run: ordered points, one object a line, not a mask."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from perception.bundle import TaskSpec
from perception.interfaces import Backend
from perception.letterbox import Letterbox
from perception.tasks.about import About, Score
from perception.tasks.lanes.confidence import confidence
from perception.tasks.lanes.decode import LaneSettings, decode, map_of, maps_of
from perception.tasks.lanes.draw import draw
from perception.tasks.lanes.field import LanesField
from perception.types import Frame, RawOutputs, Scene

CLASSES = ("unknown", "solid", "dashed", "double", "road_edge")  # by `decode.SOLID` and its like
ABOUT = About(
    TaskSpec(
        "lanes",
        CLASSES,
        ("lanes.map", "lanes.edges"),
        settings={"threshold": 0.5, "follow_threshold": 0.4, "edge_threshold": 0.5, "min_length": 28},
    ),
    Score("lanes.drawn.f1", "F1 of drawn lines"),
    {"lanes": ("f1", "culane_f1", "accuracy"), "edges": ("f1",)},
    {"lanes": ("#2471a3", "#62a8dc"), "edges": ("#873e23", "#d08a6b")},
    {
        "lanes.drawn.precision": "lane lines, precision (5 px at 640 wide)",
        "lanes.drawn.recall": "lane lines, recall (5 px at 640 wide)",
        "lanes.drawn.f1": "lane lines, F1 (5 px at 640 wide)",
    },
    optional=("lanes.edges",),
)


class Lanes:
    """Fills `scene.lanes`. A network without the output `lanes.edges` tells no road edges."""

    name = "lanes"
    about = ABOUT
    field = LanesField()

    def __init__(self, spec: TaskSpec, network: Backend | None = None) -> None:
        self.classes = spec.classes
        self.outputs = spec.outputs
        self.needs = spec.needs
        self._settings = LaneSettings(
            threshold=spec.number("threshold", 0.5),
            min_length=spec.number("min_length", 24),
            edge_threshold=spec.number("edge_threshold", 0.5),
            follow_threshold=spec.number("follow_threshold", 1.0),
        )

    def decode(self, raw: RawOutputs, frame: Frame, box: Letterbox, scene: Scene) -> Scene:
        edges = None
        if "lanes.cells" in raw:
            maps = maps_of(raw["lanes.cells"], raw["lanes.logits"], raw["lanes.paint"], box)
            if "lanes.edge_cells" in raw:
                edges = map_of(raw["lanes.edge_cells"], raw["lanes.edge_logits"], box)
        else:
            maps = raw["lanes.map"][0]
            edges = raw["lanes.edges"][0] if "lanes.edges" in raw else None
        return replace(scene, lanes=decode(maps, frame, box, self._settings, edges))

    def draw(self, canvas: np.ndarray, scene: Scene) -> None:
        if scene.lanes is not None:
            draw(canvas, scene.lanes)

    def confidence(self, raw: RawOutputs, box: Letterbox, scene: Scene) -> float | None:
        """The mean score along lane lines, the lower the shorter they are. None: no lines."""
        return confidence(scene.lanes or (), box)

    @staticmethod
    def on_device(spec: TaskSpec) -> dict[str, bool]:
        """What a backend that finds the cells of lines itself must know."""
        return {"lanes": True}

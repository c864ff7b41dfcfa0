"""Lane lines and road edges as rviz and Foxglove draw them on the road, each in a namespace of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from perception.messages import Record
from perception.types import LaneLine

ADD, DELETE_ALL = 0, 3  # visualization_msgs/Marker
LINE_STRIP = 4
WIDTH = 0.12  # metres: a lane marking
EDGE = "road_edge"
COLOURS = {  # RGB; others are grey
    "solid": (1.0, 1.0, 1.0),
    "double": (1.0, 1.0, 1.0),
    "dashed": (1.0, 0.85, 0.2),
    EDGE: (0.75, 0.15, 0.2),
}
GREY = (0.6, 0.6, 0.6)


def lane_markers(lines: Sequence[LaneLine], classes: Sequence[str], header: Record) -> Record:
    """visualization_msgs/MarkerArray in the vehicle frame that `header` names; those before are deleted."""
    wipe = {"header": header, "action": DELETE_ALL}
    drawn = [(k, line, road) for k, line in enumerate(lines) if len(road := _on_road(line)) > 1]
    return {"markers": [wipe, *(_marker(k, line, road, classes, header) for k, line, road in drawn)]}


def _on_road(line: LaneLine) -> np.ndarray:
    """(m, 2) road points, without those above the horizon."""
    if line.road is None:
        return np.empty((0, 2), np.float32)
    return line.road[np.isfinite(line.road).all(1)]


def _marker(k: int, line: LaneLine, road: np.ndarray, classes: Sequence[str], header: Record) -> Record:
    red, green, blue = COLOURS.get(classes[line.kind], GREY)
    return {
        "header": header,
        "ns": "road_edges" if classes[line.kind] == EDGE else "lanes",
        "id": k,
        "type": LINE_STRIP,
        "action": ADD,
        "pose": {"orientation": {"x": 0.0, "y": 0.0, "z": 0.0, "w": 1.0}},
        "scale": {"x": WIDTH, "y": 0.0, "z": 0.0},
        "color": {"r": red, "g": green, "b": blue, "a": float(line.score)},
        "points": [{"x": x, "y": y, "z": 0.0} for x, y in road.tolist()],
    }

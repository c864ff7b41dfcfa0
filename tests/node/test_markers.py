"""Lines on the road, as they are drawn for people."""

import numpy as np

from perception.node.markers import lane_markers
from perception.tasks.lanes import CLASSES
from perception.types import LaneLine

ROAD = np.array([(5, 1.5), (30, 1.5)], np.float32)


def marker(kind: str):
    line = LaneLine(ROAD, ROAD, 0.5, CLASSES.index(kind))
    _, found = lane_markers([line], CLASSES, {})["markers"]
    return found


def test_road_edges_can_be_hidden_by_their_namespace_and_have_a_colour_of_their_own():
    assert {marker(kind)["ns"] for kind in CLASSES[:4]} == {"lanes"}
    assert marker("road_edge")["ns"] == "road_edges"
    assert marker("road_edge")["color"] not in [marker(kind)["color"] for kind in CLASSES[:4]]

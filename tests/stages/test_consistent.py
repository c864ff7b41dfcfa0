"""A sign that lies on the road is none; all others, and all other objects, stay."""

from dataclasses import replace

import numpy as np
import pytest

from perception.stages.consistent import Consistent
from perception.tasks.detection import CLASSES
from perception.types import ClassMap, Detections, Frame, Scene, Signs

SIZE = (640, 360)
SIGN, VEHICLE = CLASSES.index("traffic_sign"), CLASSES.index("vehicle")
ON_THE_ROAD, BESIDE, HALF = (300, 280, 340, 320), (20, 60, 60, 100), (80, 260, 140, 320)
FRAME = Frame(np.zeros((360, 640, 3), np.uint8), 0, 0)


def scene(*objects, signs=None):
    """Objects of (box, class) before a road that fills the lower right of the picture."""
    labels = np.zeros((180, 320), np.uint8)
    labels[100:, 50:] = 1
    boxes, classes = zip(*objects, strict=True)
    found = Detections(
        np.array(boxes, np.float32), np.full(len(objects), 0.9, np.float32), np.array(classes, np.int32)
    )
    return replace(Scene(0, 0, SIZE), detections=found, drivable=ClassMap(labels, SIZE), signs=signs)


def kept(seen):
    return [tuple(box) for box in Consistent(CLASSES)(FRAME, seen).detections.xyxy]


def test_a_sign_in_the_midst_of_the_road_is_left_out():
    seen = scene((ON_THE_ROAD, SIGN), (BESIDE, SIGN), (HALF, SIGN), (ON_THE_ROAD, VEHICLE))
    assert kept(seen) == [BESIDE, HALF, ON_THE_ROAD]


def test_so_is_its_reading():
    boxes = np.array([BESIDE, ON_THE_ROAD], np.float32)
    signs = Signs(boxes, np.array([14, 1], np.int32), np.ones(2, np.float32))
    seen = Consistent(CLASSES)(FRAME, scene((BESIDE, SIGN), (ON_THE_ROAD, SIGN), signs=signs))
    assert seen.signs.class_id.tolist() == [14]


@pytest.mark.parametrize(
    ("box", "stays"),
    [
        ((-40, 300, 20, 358), True),
        ((600, 330, 700, 420), False),
        ((0, 0, 640, 360), True),
        ((300, 359, 301, 360), False),
        ((700, 300, 720, 320), True),
    ],
)
def test_boxes_at_the_border_are_judged_by_what_is_seen(box, stays):
    assert kept(scene((box, SIGN))) == ([box] if stays else [])


def test_without_an_area_or_a_class_for_signs_nothing_changes():
    seen = scene((ON_THE_ROAD, SIGN))
    alone = replace(seen, drivable=None)
    assert Consistent(CLASSES)(FRAME, alone) is alone
    assert Consistent(("vehicle",))(FRAME, seen) is seen
    empty = replace(seen, detections=seen.detections[:0])
    assert Consistent(CLASSES)(FRAME, empty) is empty

"""Overlays: each task paints where its part of the scene is, and nowhere when it saw nothing."""

import numpy as np
import pytest

from perception.bundle import TaskSpec
from perception.interfaces import Task
from perception.sinks import overlay
from perception.tasks import TASKS, detection, drivable, lanes, signs, tags
from perception.tasks.lanes.decode import ROAD_EDGE
from perception.types import ClassMap, Detections, Frame, LaneLine, Scene, Signs

SIZE = (640, 360)
SETTINGS = {"detection": {"threshold": dict.fromkeys(detection.CLASSES, 0.5)}}
MODULES = {"detection": detection, "lanes": lanes, "signs": signs, "drivable": drivable}


class Silent:
    device, input_size = "cpu", (64, 64)

    def __call__(self, tensor: np.ndarray) -> dict[str, np.ndarray]:
        return {}

    def close(self) -> None:
        pass


def task(name: str) -> Task:
    spec = TaskSpec(name, MODULES[name].CLASSES, (), settings=SETTINGS.get(name, {}))
    return TASKS[name](spec, Silent() if name == "signs" else None)


def painted(name: str, size: tuple[int, int] = SIZE, **seen: object) -> np.ndarray:
    """(h, w) bool: which pixels changed."""
    canvas = np.full((size[1], size[0], 3), 90, np.uint8)
    task(name).draw(canvas, Scene(0, 0, size, **seen))
    return (canvas != 90).any(axis=2)


BOX = np.array([[200, 100, 300, 200]], np.float32)
ONE = np.ones(1, np.float32)
OBJECT = Detections(BOX, ONE, np.zeros(1, np.int32))
SIGN = Detections(BOX, ONE, np.full(1, detection.CLASSES.index(signs.SIGN), np.int32))
READ = Signs(BOX, np.zeros(1, np.int32), ONE)


@pytest.mark.parametrize("name", TASKS)
def test_a_task_that_did_not_run_paints_nothing(name):
    assert not painted(name).any()


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("detection", {"detections": OBJECT[:0]}),
        ("lanes", {"lanes": ()}),
        ("signs", {"signs": Signs(BOX[:0], np.zeros(0, np.int32), ONE[:0])}),
        ("drivable", {"drivable": ClassMap(np.zeros((180, 320), np.uint8), SIZE)}),
    ],
)
def test_nothing_seen_paints_nothing(name, seen):
    assert not painted(name, **seen).any()


def test_a_box_is_an_outline_with_a_plate_above():
    paint = painted("detection", detections=OBJECT)
    assert paint[100, 200:300].all()
    assert paint[100:200, 300].all()
    assert not paint[110:190, 210:290].any()
    assert paint[85:99, 205:240].any()


def test_a_sign_that_is_read_has_one_plate():
    both = painted("detection", detections=SIGN, signs=READ)
    assert not both[80:97, 200:300].any()
    assert painted("signs", signs=READ)[140:160, 305:400].any()


def test_an_area_tints_nothing_that_must_be_read():
    """Whatever the order of the tasks: a box and its plate are painted last."""
    seen = {"detections": OBJECT, "drivable": ClassMap(np.ones((180, 320), np.uint8), SIZE)}
    frame, scene = Frame(np.full((360, 640, 3), 90, np.uint8), 0, 0), Scene(0, 0, SIZE, **seen)
    both = overlay.paint(frame, scene, [task("detection"), task("drivable")], "")
    alone = overlay.paint(frame, scene, [task("detection")], "")
    assert (both[100, 200:300] == alone[100, 200:300]).all()
    assert (both[150, 250] != alone[150, 250]).any()


def test_a_road_edge_is_dotted_and_thinner():
    points = np.array([[100, 350], [290, 160]], np.float32)
    line, edge = (painted("lanes", lanes=(LaneLine(points, None, 1.0, kind),)) for kind in (1, ROAD_EDGE))
    assert edge.sum() < 0.7 * line.sum()
    along = edge[np.arange(345, 165, -1), np.arange(105, 285)].astype(int)
    assert np.abs(np.diff(along)).sum() > 16  # on and off


def test_a_road_edge_shorter_than_a_dot_is_one():
    points = np.array([[300, 200], [303, 200]], np.float32)
    assert painted("lanes", lanes=(LaneLine(points, None, 1.0, ROAD_EDGE),))[200, 301]


def test_a_lane_line_is_painted_along_its_points():
    points = np.array([[100, 350], [300, 150]], np.float32)
    paint = painted("lanes", lanes=(LaneLine(points, None, 1.0, 1),))
    assert paint[250, 200]
    assert np.count_nonzero(paint[250]) < 16
    assert not paint[:140].any()


def test_the_area_is_tinted_to_its_edge():
    labels = np.zeros((180, 320), np.uint8)
    labels[100:, 100:] = 1
    paint = painted("drivable", drivable=ClassMap(labels, SIZE))
    assert paint[205:, 205:].all()
    assert not paint[:195].any()
    assert not paint[:, :195].any()


@pytest.mark.parametrize("corner", [(-50, -50), (635, 355), (2000, 10)])
def test_a_plate_stays_inside_the_image(corner):
    canvas = np.zeros((360, 640, 3), np.uint8)
    tags.put(canvas, "vehicle 90", corner, (200, 200, 200))
    width, height = tags.size(canvas, "vehicle 90")
    assert canvas.any(axis=2).sum() > 0.8 * width * height


@pytest.mark.parametrize("size", [(1, 1), (20, 9), (333, 77)])
def test_small_images_are_painted_too(size):
    box = np.array([[0, 0, *size]], np.float32)
    painted("detection", size, detections=Detections(box, ONE, np.zeros(1, np.int32)))
    painted("signs", size, signs=Signs(box, np.zeros(1, np.int32), ONE))
    area = ClassMap(np.ones(size[::-1], np.uint8), size)
    assert painted("drivable", size, drivable=area).all()

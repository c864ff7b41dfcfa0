"""A backend may do the first half of the decoding on its device: the scenes are the same."""

import numpy as np
import pytest

from perception.bundle import TaskSpec
from perception.kernels import reference
from perception.kernels.strokes import SOFT
from perception.letterbox import Letterbox
from perception.tasks import detection, drivable, lanes, signs
from perception.tasks.lanes.decode import ROAD_EDGE
from perception.types import Detections, Frame, Scene

BOX = Letterbox.fit((1280, 720), (640, 384))
FRAME = Frame(np.zeros((720, 1280, 3), np.uint8), 0, 0)


def scene_of(task, raw, scene=None):
    return task.decode(raw, FRAME, BOX, scene or Scene(0, 0, FRAME.size))


def smooth(seed: int, channels: int) -> np.ndarray:
    """Logits (1, channels, 48, 80) with blobs."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(0, 4, (1, channels, 6, 10)).astype(np.float32)
    return coarse.repeat(8, 2).repeat(8, 3) + rng.normal(0, 0.3, (1, channels, 48, 80)).astype(np.float32)


def test_objects():
    rows = np.array([[1, 2, 30, 40, 0.9, 0], [5, 6, 7, 9, 0.5, 5]], np.float32)
    thresholds = {"threshold": dict.fromkeys(detection.CLASSES, 0.4)}
    task = detection.Detection(TaskSpec("detection", detection.CLASSES, (), settings=thresholds))
    found = scene_of(task, {"detection.objects": rows}).detections
    np.testing.assert_array_equal(found.xyxy, rows[:, :4])
    assert found.score.tolist() == [np.float32(0.9), 0.5]
    assert found.class_id.tolist() == [0, 5]


@pytest.mark.parametrize("seed", range(3))
def test_drivable(seed):
    maps = smooth(seed, 16)
    task = drivable.Drivable(TaskSpec("drivable", drivable.CLASSES, (), settings={"threshold": 0.5}))
    labels = reference.upsampled_labels(maps[0], 0.0, BOX.network)
    a, b = (scene_of(task, raw).drivable for raw in ({"drivable.map": maps}, {"drivable.labels": labels}))
    assert (a.labels != b.labels).mean() < 1e-4  # float32 against float64 at the threshold
    assert 0 < a.labels.mean() < 1


@pytest.mark.parametrize("seed", range(3))
def test_lanes(seed):
    maps, edges = smooth(seed, 32) - 2, smooth(seed + 3, 16) - 1
    cells, logits = reference.lane_cells(maps[0, :16], SOFT)
    raw = {"lanes.cells": cells[::-1], "lanes.logits": logits[::-1]}
    raw["lanes.paint"] = reference.packed(maps[0, 16:])
    cells, logits = reference.lane_cells(edges[0], SOFT)
    raw |= {"lanes.edge_cells": cells[::-1], "lanes.edge_logits": logits[::-1]}
    task = lanes.Lanes(TaskSpec("lanes", lanes.CLASSES, ()))
    a, b = (scene_of(task, r).lanes for r in ({"lanes.map": maps, "lanes.edges": edges}, raw))
    assert len(a) == len(b) > 3
    assert 0 < sum(line.kind == ROAD_EDGE for line in a) < len(a)
    for x, y in zip(a, b, strict=True):
        np.testing.assert_array_equal(x.image, y.image)
        assert (x.score, x.kind) == (y.score, y.kind)


def test_signs_beyond_those_that_were_read_are_left_out():
    boxes = np.arange(12, dtype=np.float32).reshape(3, 4)
    found = Detections(
        boxes, np.ones(3, np.float32), np.full(3, detection.CLASSES.index(signs.SIGN), np.int32)
    )
    logits = np.eye(2, len(signs.CLASSES), 7, dtype=np.float32) * 20
    task = signs.SignReader(TaskSpec("signs", signs.CLASSES, ()), network=object())
    read = scene_of(task, {"signs.logits": logits}, Scene(0, 0, FRAME.size, detections=found)).signs
    assert read.class_id.tolist() == [7, 8]
    np.testing.assert_array_equal(read.xyxy, boxes[:2])

"""AP of all sizes, with crowds, against pycocotools; hits by size and calibration by hand."""

import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from perception.tasks.detection.metric import AveragePrecision, ObjectsFound
from perception.types import Detections, Scene

CLASSES = ("vehicle", "person")


def scene(rows):
    """(x1, y1, x2, y2, score, class) each."""
    rows = np.array(rows, np.float32).reshape(-1, 6)
    found = Detections(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int32))
    return Scene(0, 0, (640, 480), detections=found)


def random_pair(rng):
    """Objects of all sizes and crowds, areas below those of their boxes; moved copies and false boxes."""
    n, extra = rng.integers(0, 9), rng.integers(0, 8)
    corner = rng.uniform(0, 300, (n + extra, 2))
    xyxy = np.concatenate([corner, corner + np.exp(rng.uniform(1.5, 5.3, (n + extra, 2)))], 1).round(1)
    class_id = rng.integers(0, 2, n + extra)
    truth = np.column_stack([xyxy[:n], rng.uniform(size=n) > 0.2, class_id[:n]])
    moved = xyxy + rng.normal(0, 3, xyxy.shape)
    moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
    seen = np.column_stack([moved, rng.uniform(0.01, 1, n + extra), class_id])
    shares = rng.uniform(0.5, 1, n)
    return scene(truth), scene(seen[rng.permutation(n + extra)]), shares


@pytest.mark.parametrize("seed", range(4))
def test_average_precision_of_every_size_is_that_of_pycocotools(seed):
    rng = np.random.default_rng(seed)
    triples = [random_pair(rng) for _ in range(40)]
    metric = AveragePrecision(CLASSES, detail=True)
    for truth, seen, shares in triples:
        metric.update(truth, seen, areas_of(truth) * shares)
    got = metric.result()
    stats = pycocotools(triples)
    assert got["coco_ap"] == pytest.approx(stats[0], abs=1e-6)
    assert got["ap50"] == pytest.approx(stats[1], abs=1e-6)
    for i, size in enumerate(("small", "medium", "large"), 3):
        assert got[f"coco_ap_{size}"] == pytest.approx(stats[i], abs=1e-6)


def areas_of(truth):
    xyxy = truth.detections.xyxy.astype(float)
    return (xyxy[:, 2:] - xyxy[:, :2]).prod(1)


def pycocotools(triples):
    truth, found = [], []
    for image, (true, seen, shares) in enumerate(triples):
        areas = [areas_of(true) * shares, areas_of(seen)]
        for side, rows, sizes in zip((truth, found), (true, seen), areas, strict=True):
            boxes = rows.detections
            for xyxy, score, class_id, area in zip(
                boxes.xyxy.astype(float), boxes.score, boxes.class_id, sizes, strict=True
            ):
                row = {"image_id": image, "category_id": int(class_id), "score": float(score), "area": area}
                row |= {"bbox": [*xyxy[:2], *(xyxy[2:] - xyxy[:2])], "id": len(side) + 1}
                side.append(row | {"iscrowd": int(score == 0)})
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO()
        known.dataset = {"images": [{"id": i} for i in range(len(triples))], "annotations": truth}
        known.dataset |= {
            "categories": [{"id": i, "name": name} for i, name in enumerate(CLASSES)],
            "info": {},
        }
        known.createIndex()
        tool = COCOeval(known, known.loadRes(found), "bbox")
        tool.evaluate()
        tool.accumulate()
        tool.summarize()
    return tool.stats


def test_hits_by_size():
    small, large = (0, 0, 20, 20), (100, 100, 300, 300)
    truth = scene([(*small, 1, 0), (*large, 1, 0)])
    seen = scene([(*large, 0.9, 0), (400, 0, 420, 20, 0.8, 0)])
    metric = ObjectsFound(CLASSES, detail=True)
    metric.update(truth, seen)
    got = metric.result()
    assert got["vehicle.f1"] == 0.5
    assert (got["vehicle.precision_small"], got["vehicle.recall_small"]) == (0, 0)
    assert (got["vehicle.precision_large"], got["vehicle.recall_large"]) == (1, 1)
    assert "vehicle.f1_medium" not in got


def test_calibration_by_hand():
    """Two boxes of score 0.9, one of them right, one of 0.5, right; one in a region says nothing."""
    truth = scene([(0, 0, 20, 20, 1, 0), (50, 0, 70, 20, 1, 1), (200, 200, 400, 400, 0, 0)])
    found = [(0, 0, 20, 20, 0.9, 0), (120, 0, 140, 20, 0.9, 0), (50, 0, 70, 20, 0.5, 1)]
    metric = ObjectsFound(CLASSES, detail=True)
    metric.update(truth, scene([*found, (250, 250, 300, 300, 0.7, 0)]))
    assert metric.result()["ece"] == pytest.approx((abs(1.8 - 1) + abs(0.5 - 1)) / 3, abs=1e-6)

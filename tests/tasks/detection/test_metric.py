"""Boxes found: tiny cases by hand, and COCO's own tool on random boxes."""

import contextlib
import io

import numpy as np
import pytest
from faster_coco_eval import COCO, COCOeval_faster

from perception.tasks.detection.matching import match, overlaps
from perception.tasks.detection.metric import AveragePrecision, ObjectsFound
from perception.types import Detections, Scene

CLASSES = ("vehicle", "person", "sign")


def boxes(*rows):
    """(x1, y1, x2, y2, score, class) each."""
    rows = np.array(rows, np.float32).reshape(-1, 6)
    return Detections(rows[:, :4], rows[:, 4], rows[:, 5].astype(np.int32))


def scene(*rows):
    return Scene(0, 0, (100, 100), detections=boxes(*rows))


def metrics(metric, *pairs):
    for truth, seen in pairs:
        metric.update(truth, seen)
    return metric.result()


def test_two_of_three_found_and_one_false():
    truth = scene((0, 0, 10, 10, 1, 0), (20, 0, 30, 10, 1, 0), (40, 0, 50, 10, 1, 0))
    seen = scene((0, 0, 10, 10, 0.9, 0), (21, 0, 31, 10, 0.8, 0), (60, 0, 70, 10, 0.7, 0))
    got = metrics(ObjectsFound(CLASSES), (truth, seen))
    assert got == pytest.approx(dict.fromkeys(("vehicle.precision", "vehicle.recall", "vehicle.f1"), 2 / 3))


def test_the_same_object_found_twice_is_once_false():
    seen = scene((0, 0, 10, 10, 0.9, 0), (0, 0, 10, 9, 0.8, 0))
    got = metrics(ObjectsFound(CLASSES), (scene((0, 0, 10, 10, 1, 0)), seen))
    assert (got["vehicle.precision"], got["vehicle.recall"]) == (0.5, 1)


def test_boxes_in_a_region_that_is_not_judged_count_neither_way():
    truth = scene((0, 0, 10, 10, 1, 0), (20, 0, 60, 40, 0, 0))
    seen = scene((0, 0, 10, 10, 0.9, 0), (25, 5, 35, 15, 0.8, 0), (30, 10, 40, 30, 0.7, 0))
    assert metrics(ObjectsFound(CLASSES), (truth, seen))["vehicle.f1"] == 1
    assert metrics(AveragePrecision(CLASSES), (truth, seen))["coco_ap"] == pytest.approx(1)


def test_a_region_of_one_class_excuses_no_other():
    truth = scene((0, 0, 10, 10, 1, 0), (20, 0, 60, 40, 0, 1))
    got = metrics(ObjectsFound(CLASSES), (truth, scene((25, 5, 35, 15, 0.8, 0))))
    assert got["vehicle.precision"] == 0


def test_nothing_found_has_precision_zero():
    truth = scene((0, 0, 10, 10, 1, 0))
    assert set(metrics(ObjectsFound(CLASSES), (truth, scene())).values()) == {0.0}
    assert metrics(AveragePrecision(CLASSES), (truth, scene())) == {
        "vehicle.ap50": 0.0,
        "ap50": 0.0,
        "coco_ap": 0.0,
    }


def test_classes_without_an_object_have_no_metric():
    assert metrics(AveragePrecision(CLASSES), (scene(), scene((0, 0, 9, 9, 0.5, 2)))) == {}
    assert metrics(ObjectsFound(CLASSES), (scene(), scene((0, 0, 9, 9, 0.5, 2)))) == {}


def test_average_precision_by_hand():
    """Right, false, right: precision 1 up to recall 1/2, then 2/3: 51 and 50 of the 101 points."""
    truth = scene((0, 0, 10, 10, 1, 0), (20, 0, 30, 10, 1, 0))
    seen = scene((0, 0, 10, 10, 0.9, 0), (50, 50, 60, 60, 0.8, 0), (20, 0, 30, 10, 0.7, 0))
    got = metrics(AveragePrecision(CLASSES), (truth, seen))
    assert got["vehicle.ap50"] == pytest.approx((51 + 50 * 2 / 3) / 101)


def test_a_region_takes_only_what_no_object_takes():
    truth = np.array([[0, 0, 10, 10], [0, 0, 100, 100]], np.float32)
    region = np.array([False, True])
    found = np.array([[0, 0, 10, 8], [0, 0, 10, 10]], np.float32)
    assert match(found, truth, region, np.array([0.5, 0.9])).tolist() == [[0, 1], [1, 0]]


def test_boxes_without_area_overlap_nothing():
    point = np.zeros((1, 4), np.float32)
    assert overlaps(point, point, np.array([False])) == 0


@pytest.mark.parametrize("seed", range(5))
def test_average_precision_is_that_of_the_coco_tool(seed):
    rng = np.random.default_rng(seed)
    pairs = [random_pair(rng) for _ in range(40)]
    got = metrics(AveragePrecision(CLASSES), *pairs)
    expected = coco_tool(pairs)
    assert got["coco_ap"] == pytest.approx(expected["coco_ap"], abs=1e-9)
    assert got == pytest.approx(expected, abs=1e-9)


def test_pooled_precision_counts_each_object_the_same():
    truth = scene((0, 0, 9, 9, 1, 0), (20, 0, 29, 9, 1, 0), (40, 0, 49, 9, 1, 0), (60, 0, 69, 9, 1, 1))
    seen = scene((0, 0, 9, 9, 0.9, 0), (20, 0, 29, 9, 0.8, 0), (40, 0, 49, 9, 0.7, 0))
    metric = AveragePrecision(CLASSES)
    metric.update(truth, seen)
    assert metric.result()["ap50"] == pytest.approx(1 / 2)
    assert metric.pooled() == pytest.approx(3 / 4, abs=0.01)  # 101 recalls


def random_pair(rng):
    """Truth with regions that are not judged; what is found are moved copies of it and false boxes."""
    n, extra = rng.integers(0, 8), rng.integers(0, 6)
    corner, size = rng.uniform(0, 60, (n + extra, 2)), rng.uniform(5, 40, (n + extra, 2))
    xyxy = np.round(np.concatenate([corner, corner + size], 1), 1)
    class_id, judged = rng.integers(0, 3, n + extra), rng.uniform(size=n) > 0.2
    truth = np.column_stack([xyxy[:n], judged, class_id[:n]])
    moved = xyxy + rng.normal(0, 2, xyxy.shape)
    moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2] + 1)
    seen = np.column_stack([moved, rng.uniform(0.01, 1, n + extra), class_id])
    return scene(*truth), scene(*seen[rng.permutation(n + extra)])


def coco_tool(pairs):
    truth, found = [], []
    for image, (true, seen) in enumerate(pairs):
        for side, rows in ((truth, true.detections), (found, seen.detections)):
            for xyxy, score, class_id in zip(rows.xyxy, rows.score, rows.class_id, strict=True):
                x1, y1, x2, y2 = map(float, xyxy)
                row = {"image_id": image, "category_id": int(class_id), "bbox": [x1, y1, x2 - x1, y2 - y1]}
                row |= {"id": len(side) + 1, "area": row["bbox"][2] * row["bbox"][3]}
                side.append(row | {"iscrowd": int(score == 0), "score": float(score)})
    images = [{"id": i, "width": 100, "height": 100} for i in range(len(pairs))]
    categories = [{"id": i, "name": name} for i, name in enumerate(CLASSES)]
    with contextlib.redirect_stdout(io.StringIO()):
        known = COCO({"images": images, "annotations": truth, "categories": categories})
        tool = COCOeval_faster(known, known.loadRes(found), "bbox")
        tool.run()
    precision = tool.eval["precision"][:, :, :, 0, 2]  # IoU, recall, class; all sizes, 100 boxes
    half = {f"{name}.ap50": precision[0, :, i].mean() for i, name in enumerate(CLASSES)}
    return {**half, "ap50": tool.stats[1], "coco_ap": tool.stats[0]}

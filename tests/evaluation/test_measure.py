"""The figures of a pipeline that knows the truth, of one that sees nothing, and of real label files."""

from dataclasses import replace

import pytest

from perception.evaluation import data, evaluate, measure_dataset

PERFECT = {
    "drivable.camvid.iou",
    "drivable.idd.iou",
    "drivable.city.iou",
    "lanes.drawn.f1",
    "detection.town.vehicle.ap50",
    "detection.town.vehicle.f1",
    "detection.town.traffic_sign.ap50",
    "detection.town.coco_ap",
    "detection.all.coco_ap",
    "town.sign.ap50",
    "town.sign.read_f1",
}


def test_the_truth_scores_one(val, oracle):
    metrics = measure_dataset(oracle(val), val).metrics
    assert {name: metrics[name] for name in PERFECT} == pytest.approx(dict.fromkeys(PERFECT, 1.0))


def test_seeing_nothing_scores_zero(val, blind):
    metrics = measure_dataset(blind, val).metrics
    assert metrics.keys() >= {*PERFECT, "detection.town.vehicle.precision", "lanes.camvid.precision"}
    assert set(metrics.values()) == {0.0}


def test_classes_that_an_image_does_not_label_are_not_judged(val, oracle):
    """Picture b labels no signs: a sign seen there is neither right nor false."""
    b = next(sample for sample in val.samples if sample.image.name == "b.png")
    a = next(sample for sample in val.samples if sample.image.name == "a.png")
    seen_everywhere = oracle(replace(val, samples=(a, replace(b, boxes=a.boxes))))
    metrics = measure_dataset(seen_everywhere, val, parts=["detection"]).metrics
    assert metrics["detection.town.traffic_sign.precision"] == 1
    assert metrics["detection.town.traffic_sign.ap50"] == 1
    assert metrics["detection.town.vehicle.f1"] == pytest.approx(2 / 3)  # the merged one is no object


def test_a_task_that_did_not_run_is_left_out(val, oracle):
    lanes_only = lambda frame: replace(oracle(val)(frame), detections=None, signs=None, drivable=None)  # noqa: E731
    assert {name.split(".")[0] for name in measure_dataset(lanes_only, val).metrics} == {"lanes"}


def test_only_what_was_asked_for_is_looked_at(folder, val, oracle):
    (folder / "town/images/a.png").unlink()
    metrics = evaluate(oracle(val), folder, "val", parts=["drivable"])
    assert metrics.keys() == {"drivable.camvid.iou", "drivable.idd.iou", "drivable.city.iou"}


def test_limit_keeps_some_of_each_kind(folder, val):
    assert len(data.read(folder, "val").thinned(1).crops) == 1
    folders = {sample.image.parent.parent.name for sample in val.thinned(1).samples}
    assert folders == {"town", "city", "camvid", "idd"}


def test_pictures_are_counted(val, oracle):
    pictures = measure_dataset(oracle(val), val).pictures
    assert pictures["detection.town"] == 2
    assert pictures["lanes.drawn"] == 2
    assert pictures["drivable.camvid"] == 1


@pytest.mark.data
def test_the_real_labels_agree_with_themselves(driving_data, oracle):
    dataset = data.read(driving_data, "val", ("unknown", "solid", "dashed")).thinned(6)
    metrics = measure_dataset(oracle(dataset), dataset).metrics
    assert metrics["gtsdb.sign.read_f1"] == metrics["drivable.idd.iou"] == metrics["lanes.drawn.f1"] == 1
    assert metrics["detection.all.coco_ap"] == pytest.approx(1)

"""The metrics of a pipeline that knows the truth, of one that sees nothing, and of real label files."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from perception.backends.scripted import ScriptedBackend
from perception.errors import DataError
from perception.evaluation import evaluate, measure_dataset
from perception.labels.folder import read_folder
from perception.load import load
from perception.pipeline import Pipeline
from tests.conftest import answers

PERFECT = {
    "drivable.camvid.iou",
    "drivable.idd.iou",
    "drivable.city.iou",
    "drivable.city.precision",
    "drivable.acdc.iou",
    "drivable.acdc.night.recall",
    "drivable.acdc.day.iou",
    "detection.acdc.vehicle.ap50",
    "detection.acdc.night.vehicle.ap50",
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


def test_average_precision_hears_of_boxes_that_are_too_unsure_to_be_reported(val, tiny_bundle):
    """One of two vehicles, with score 0.2 under a threshold of 0.4: half of the recalls at precision 1."""
    unsure = {**answers(), **one_box((92, 60, 272, 240), 0.2)}  # a.png is 6 times as large in the network
    loaded = load(tiny_bundle, tasks=["detection"], threads=1)
    pipeline = Pipeline(ScriptedBackend([unsure, answers()]), loaded.preprocess, loaded.tasks)
    town = replace(val, samples=tuple(sample for sample in val.samples if sample.set == "town"))
    metrics = measure_dataset(pipeline, town, parts=["detection"]).metrics
    assert metrics["detection.town.vehicle.ap50"] == pytest.approx(51 / 101)
    assert metrics["detection.town.vehicle.recall"] == 0


def one_box(xyxy, score):
    """Outputs at stride 8 with one vehicle, network pixels."""
    scores, boxes = np.full((1, 6, 48, 80), -9, np.float32), np.zeros((1, 4, 48, 80), np.float32)
    column, row = (int((low + high) / 16) for low, high in (xyxy[::2], xyxy[1::2]))
    centre = np.array([column + 0.5, row + 0.5] * 2) * 8
    scores[0, 0, row, column] = np.log(score / (1 - score))
    boxes[0, :, row, column] = np.log((np.array(xyxy) - centre) * (-1, -1, 1, 1) / 8)
    return {"detection.scores8": scores, "detection.boxes8": boxes}


def test_a_task_that_did_not_run_is_left_out(val, oracle):
    lanes_only = lambda frame: replace(oracle(val)(frame), detections=None, signs=None, drivable=None)  # noqa: E731
    metrics = measure_dataset(lanes_only, val).metrics
    assert {name.split(".")[0] for name in metrics} == {"lanes", "ego", "blank"}
    assert {"ego.all.lines", "blank.found"} <= metrics.keys()
    assert not {"ego.all.drivable", "blank.drivable", "ego.all.vehicles"} & metrics.keys()


def test_only_what_was_asked_for_is_looked_at(folder, val, oracle):
    (folder / "town/images/a.png").unlink()
    metrics = evaluate(oracle(val), folder, "val", parts=["drivable"])
    sets = ("camvid", "idd", "city", "acdc", "acdc.night", "acdc.day")
    assert metrics.keys() == {f"drivable.{x}.{what}" for x in sets for what in ("iou", "precision", "recall")}


def test_a_picture_of_another_size_than_its_labels_is_named(folder, val, oracle):
    cv2.imwrite(str(folder / "town/images/b.png"), np.zeros((32, 48, 3), np.uint8))
    with pytest.raises(DataError, match=r"b\.png: expected a picture of 96 x 64 .* got 48 x 32"):
        evaluate(oracle(val), folder, "val")


def test_limit_keeps_some_of_each_kind(folder, val):
    assert len(read_folder(folder, "val").thinned(1).crops) == 1
    folders = {sample.image.parent.parent.name for sample in val.thinned(1).samples}
    assert folders == {"town", "city", "camvid", "idd", "acdc_panels", "brazil_lanes", "clips"}


def test_pictures_are_counted(val, oracle):
    pictures = measure_dataset(oracle(val), val).pictures
    assert pictures["detection.town"] == 2
    assert pictures["lanes.drawn"] == 2
    assert pictures["drivable.camvid"] == 1
    assert (pictures["drivable.acdc"], pictures["drivable.acdc.night"]) == (2, 1)
    assert (pictures["ego.reflect1"], pictures["ego.all"], pictures["blank"]) == (1, 1, 11)


@pytest.mark.data
def test_the_real_labels_agree_with_themselves(driving_data, oracle):
    dataset = read_folder(driving_data, "val", ("unknown", "solid", "dashed")).thinned(6)
    metrics = measure_dataset(oracle(dataset), dataset).metrics
    assert metrics["gtsdb.sign.read_f1"] == metrics["drivable.idd.iou"] == metrics["lanes.drawn.f1"] == 1
    assert metrics["detection.all.coco_ap"] == pytest.approx(1)

"""Confidence is told of tasks that found something, and grows with what the network says."""

from dataclasses import replace

import numpy as np
import pytest

import perception
from perception.letterbox import Letterbox
from perception.stages.confidence import Confidence
from perception.tasks.detection import Detection
from perception.tasks.drivable import Drivable
from perception.tasks.lanes import Lanes
from perception.tasks.signs.confidence import confidence as of_signs
from perception.types import Detections, Frame, LaneLine, Scene, Signs
from tests.conftest import SIZE, TASKS, answers

BOX = Letterbox.fit((1280, 720), SIZE)
SCENE = Scene(0, 0, (1280, 720))
FRAME = Frame(np.full((720, 1280, 3), 90, np.uint8), 0, 0)
DETECTION, LANES, DRIVABLE = (make(TASKS[k]) for k, make in ((0, Detection), (1, Lanes), (3, Drivable)))


def test_an_area_is_worth_what_its_probabilities_promise():
    raw = answers()
    raw["drivable.map"][..., 60:, :] = 2.0
    assert DRIVABLE.confidence(raw, BOX, SCENE) == pytest.approx(1 / (1 + np.exp(-2)), abs=0.001)
    assert DRIVABLE.confidence(answers(), BOX, SCENE) is None


def objects(*scores):
    box = np.tile(np.array([[5, 5, 50, 50]], np.float32), (len(scores), 1))
    found = Detections(box, np.array(scores, np.float32), np.zeros(len(scores), np.int32))
    return replace(SCENE, detections=found)


def test_what_just_missed_its_threshold_makes_objects_doubtful():
    raw = answers()
    clear = DETECTION.confidence(raw, BOX, objects(0.8, 0.6))
    raw["detection.scores16"][0, 1, 4, 4] = -0.5
    assert clear == pytest.approx(2 * 1.4 / (2 + 1.4))
    assert DETECTION.confidence(raw, BOX, objects(0.8, 0.6)) == pytest.approx(
        2 * 1.4 / (3.4 + 0.3775), abs=1e-3
    )
    assert DETECTION.confidence(raw, BOX, objects()) is None


def line(far, score, kind=1):
    return LaneLine(np.array([(100, 700), (100, far)], np.float32), None, score, kind)


def test_long_lines_are_worth_more_than_short_ones_and_edges_nothing():
    sure = lambda *lines: LANES.confidence({}, BOX, replace(SCENE, lanes=lines))  # noqa: E731
    assert sure(line(300, 0.9)) == pytest.approx(400 * 0.9 / 600)
    assert sure(line(600, 0.9)) < sure(line(300, 0.9), line(300, 0.3)) < sure(line(300, 0.9))
    assert sure(line(300, 0.9, kind=4)) is None


def test_a_reading_is_as_sure_as_its_box_and_its_class():
    boxes = np.arange(12, dtype=np.float32).reshape(3, 4)
    read = Signs(boxes[1:2], np.array([14], np.int32), np.array([0.5], np.float32))
    score = np.array([0.9, 0.8, 0.6], np.float32)
    assert of_signs(read, boxes, score) == pytest.approx(2 * 0.8 * 0.5 / (1 + 2.3))
    assert of_signs(read, boxes[1:2], score[1:2]) == pytest.approx(2 * 0.8 * 0.5 / (1 + 0.8))


def heard(scene, raw):
    stage = Confidence()
    stage.hear([DETECTION, LANES, DRIVABLE], raw, BOX)
    return stage(FRAME, scene).confidence


def test_only_tasks_that_found_something_have_it():
    raw = answers(drivable=9.0)
    assert heard(SCENE, raw).keys() == {"drivable"}
    assert heard(objects(0.7), raw).keys() == {"detection", "drivable"}
    assert heard(replace(objects(0.7), blank=True), raw) == {}


def test_what_a_device_has_decoded_says_nothing():
    raw = {"detection.objects": np.zeros((1, 6)), "drivable.labels": np.zeros((384, 640))}
    assert heard(objects(0.7), raw) == {}


def test_it_is_told_where_the_stage_runs(tiny_bundle):
    scenes = [perception.load(tiny_bundle, stages=names)(FRAME) for names in ((), ["confidence"])]
    assert [scene.confidence is None for scene in scenes] == [True, False]
    assert "confidence" in scenes[1].timing_ms

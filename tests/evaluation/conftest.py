"""Pipelines that know the truth, or nothing."""

from dataclasses import replace

import numpy as np
import pytest

from perception.labels.folder import read_folder
from perception.tasks.detection import CLASSES
from perception.tasks.lanes import CLASSES as LANE_KINDS
from perception.tasks.signs import CLASSES as SIGNS
from perception.types import ClassMap, Detections, Scene, Signs


@pytest.fixture
def oracle():
    """`oracle(dataset)`: a pipeline that answers with the labels of whatever picture it is shown."""
    return Oracle


class Oracle:
    def __init__(self, dataset):
        self.samples = {str(sample.image): sample for sample in dataset.samples}

    def __call__(self, frame):
        scene = Scene(frame.seq, 0, frame.size, nothing(), no_signs(), (), flat(frame.size))
        sample = self.samples.get(frame.source)
        if sample is None:  # a blank frame
            return scene
        if sample.boxes:
            true = sample.boxes.detections(CLASSES, frame.size)
            scene = replace(scene, detections=true[true.score > 0], signs=sample.boxes.signs(SIGNS))
        if sample.mask:
            scene = replace(scene, drivable=sample.mask.drivable())
        return replace(scene, lanes=sample.lines) if sample.lines else scene


class Blind:
    """Every task runs and sees nothing."""

    def __call__(self, frame):
        return Scene(frame.seq, 0, frame.size, nothing(), no_signs(), (), flat(frame.size))


@pytest.fixture
def blind():
    return Blind()


@pytest.fixture
def val(folder):
    return read_folder(folder, "val", LANE_KINDS)


def nothing():
    return Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32))


def no_signs():
    return Signs(np.empty((0, 4), np.float32), np.empty(0, np.int32), np.empty(0, np.float32))


def flat(size):
    return ClassMap(np.zeros(size[::-1], np.uint8), size)

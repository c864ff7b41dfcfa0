"""Unsure boxes beside the scene, and single signs."""

import numpy as np
import pytest

from perception.evaluation.observe import CropReader, Observer, with_settings
from perception.load import load
from perception.pipeline import Pipeline
from perception.types import Frame


@pytest.fixture
def pipeline(tiny_bundle):
    return load(tiny_bundle, threads=1)


@pytest.fixture
def frame():
    return Frame(np.random.default_rng(0).integers(0, 256, (120, 200, 3), np.uint8), 0, 7)


def test_unsure_boxes_are_seen_beside_the_reported_ones(pipeline, frame):
    network = Sure(pipeline.backend, np.log(0.2 / 0.8))  # every score is 0.2; reported is 0.4 and more
    scene, unsure = Observer(Pipeline(network, pipeline.preprocess, pipeline.tasks))(frame)
    assert len(scene.detections) == 0
    assert len(unsure.detections) > 0
    assert unsure.seq == 7


def test_unsure_boxes_of_a_part_are_where_they_are_in_the_image(tiny_bundle, frame):
    pipeline = load(tiny_bundle, tasks=["detection"], threads=1, crop=(0.5, 0.5, 0.5, 0.5))
    _, unsure = Observer(pipeline)(frame)
    assert len(unsure.detections)
    assert (unsure.detections.xyxy >= (100, 60, 100, 60)).all()


def test_the_reported_scene_is_that_of_the_pipeline(pipeline, frame):
    scene, _ = Observer(pipeline)(frame)
    expected = pipeline(frame)
    np.testing.assert_array_equal(scene.drivable.labels, expected.drivable.labels)
    np.testing.assert_array_equal(scene.detections.xyxy, expected.detections.xyxy)


def test_a_sign_is_read_whatever_the_doubt(pipeline, frame):
    strict = [with_settings(t, threshold=0.9999) if t.name == "signs" else t for t in pipeline.tasks]
    reader = CropReader.of(Pipeline(pipeline.backend, pipeline.preprocess, strict))
    assert len(reader(frame, (20, 20, 60, 60)).signs) == 1


def test_without_the_signs_task_there_is_no_reader(tiny_bundle, blind):
    assert CropReader.of(load(tiny_bundle, tasks=["detection"], threads=1)) is None
    assert CropReader.of(blind) is None


class Sure:
    """Another network's boxes, all with the same score."""

    def __init__(self, backend, logit):
        self.device, self.input_size = backend.device, backend.input_size
        self._backend, self._logit = backend, logit

    def __call__(self, tensor):
        raw = dict(self._backend(tensor))
        return {k: np.full_like(v, self._logit) if "scores" in k else v for k, v in raw.items()}

    def close(self):
        self._backend.close()

"""Images that show nothing are told from dark ones that show something."""

import numpy as np
import pytest

import perception
from perception.blank import is_blank
from perception.labels import blank
from perception.labels.folder import read_folder
from perception.sources.images import read_image
from perception.types import Frame

SHAPE = (720, 1280, 3)


def night(light: int = 30) -> np.ndarray:
    """An unlit road: black, a patch lit by the headlights, and the noise of the sensor."""
    image = np.random.default_rng(0).normal(4, 2, SHAPE)
    image[480:600, 400:800] += light
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("frame", blank.frames(), ids=lambda frame: f"{frame.kind}-{frame.seed}")
def test_blank(frame):
    assert is_blank(frame.image())


def test_a_dark_road_is_not_blank():
    assert not is_blank(night())
    assert is_blank(night(0))


def test_part_of_an_image():
    assert not is_blank(night()[200:, 100:])
    assert is_blank(night()[:400])


@pytest.mark.data
def test_no_picture_of_a_road_is_blank(driving_data):
    samples = [sample for split in ("train", "val") for sample in read_folder(driving_data, split).samples]
    assert len(samples) > 1000
    assert not [sample.image for sample in samples if is_blank(read_image(sample.image))]


@pytest.mark.parametrize("size", [(1, 1), (2000, 2), (11, 300)])
def test_too_small_to_tell(size):
    assert not is_blank(np.zeros((*size, 3), np.uint8))


def test_the_pipeline_says_so_and_sees_nothing(tiny_bundle):
    pipeline = perception.load(tiny_bundle)
    scene = pipeline(Frame(np.zeros(SHAPE, np.uint8), 0, 0))
    assert scene.blank
    assert len(scene.detections) == len(scene.signs) == len(scene.lanes) == scene.drivable.labels.max() == 0
    assert not pipeline(Frame(night(), 0, 0)).blank

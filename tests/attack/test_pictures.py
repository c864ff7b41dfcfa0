"""What the attacker computes of pictures is what the pipeline computes; and where a patch lies."""

import numpy as np
import pytest
import torch

from perception.attack.goals import sign_crops
from perception.attack.known import image_of, letterboxed, tensor_of
from perception.attack.patch import printed
from perception.attack.road import placed
from perception.kernels import reference
from perception.letterbox import Letterbox
from perception.types import ClassMap, Frame, Scene
from tests.batches import smooth

IMAGE = smooth(1, (320, 240))[0]


@pytest.mark.parametrize("network", [(160, 96), (512, 512)])
def test_the_network_sees_what_the_pipeline_shows_it(network):
    box = Letterbox.fit((320, 240), network)
    difference = letterboxed(tensor_of(IMAGE), box) - tensor_of(box.apply(IMAGE))
    assert float(difference.abs().max()) < 4
    assert float(difference.abs().mean()) < 0.5


def test_fine_grain_is_averaged_as_in_the_pipeline():
    grain = np.random.default_rng(0).integers(0, 256, (240, 320, 3)).astype(np.uint8)
    box = Letterbox.fit((320, 240), (80, 60))
    assert float(letterboxed(tensor_of(grain), box).std()) < 1.2 * box.apply(grain).std()


def test_the_reader_sees_the_crops_that_the_pipeline_cuts():
    boxes = np.array([[40, 50, 60, 90], [-4, 3, 30, 20]], np.float32)
    crops = sign_crops(tensor_of(IMAGE), torch.from_numpy(boxes))
    for crop, expected in zip(crops, reference.sign_crops(IMAGE, boxes), strict=True):
        np.testing.assert_allclose(image_of(crop[None]), expected, atol=1)


def seen(labels):
    return lambda frame: Scene(0, 0, frame.size, drivable=ClassMap(labels, frame.size))


def test_a_patch_lies_below_the_horizon_and_narrows_with_distance():
    labels = np.zeros((24, 32), np.uint8)
    labels[8:] = 1  # from row 80 of the image on
    far_left, far_right, near_right, near_left = placed(seen(labels), Frame(IMAGE, 0, 0), 2)
    assert 80 < far_left[1] == far_right[1] < near_left[1] == near_right[1] <= 240
    np.testing.assert_allclose(near_right - near_left, 2 * (far_right - far_left))
    np.testing.assert_allclose((far_left + far_right)[0] / 2, 160)


@pytest.mark.parametrize("free", [np.s_[:0], np.s_[8:, :12], np.s_[23:]])
def test_a_patch_lies_on_a_free_road_only(free):
    labels = np.zeros((24, 32), np.uint8)
    labels[free] = 1
    assert placed(seen(labels), Frame(IMAGE, 0, 0), 2) is None


def test_a_print_covers_its_place_and_nothing_else():
    corners = np.array([(100, 100), (140, 100), (180, 200), (60, 200)], np.float32)
    grey = torch.full((1, 3, 240, 320), 80.0)
    change = printed(grey, torch.ones(1, 3, 8, 8), corners) - grey
    assert float(change[0, :, 150, 120].min()) == 120  # 2.5 times the road
    assert not change[..., :100, :].any()
    assert not change[..., 150, :79].any()

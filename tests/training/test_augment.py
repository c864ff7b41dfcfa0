"""Augmentation: what moves, moves together; what loses its meaning, loses it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from perception.kernels import cpu
from perception.tasks.batch import ANY_SIGN, CERTAIN, UNKNOWN
from perception.tasks.detection import CLASSES
from perception.training import augment
from perception.training.augment import Place, mirror, sign_crop, to_item
from perception.training.data.sample import Boxes, Sample
from perception.training.paste import paste_signs

BRIGHT = (30, 20, 70, 50)  # x1, y1, x2, y2
STILL = Place((128, 96), (128, 96), zoom=(1.0, 1.0), stretch=0.0)


def sample(size=(128, 96), box=BRIGHT):
    """A bright rectangle, its mask and its box: a sign that means 14."""
    image, mask = np.zeros((size[1], size[0], 3), np.uint8), np.zeros(size[::-1], np.uint8)
    x1, y1, x2, y2 = box
    image[y1:y2, x1:x2] = (10, 20, 250)  # blue, green, red
    mask[y1:y2, x1:x2] = CERTAIN
    return Sample(image, Boxes.of([(list(map(float, box)), "traffic_sign", True, 14)]), drivable=mask)


def extent(mask):
    """The box around what is set."""
    y, x = np.nonzero(mask)
    return np.array([x.min(), y.min(), x.max() + 1, y.max() + 1])


def coincide(item, tolerance=1.5):
    """The rectangle, its mask and its box, as far as they are in the picture."""
    if not len(item["boxes"]):
        return not (item["maps"][0] == CERTAIN).numpy().any()
    box = item["boxes"][0].numpy()
    seen, mask = extent(item["image"][0].numpy() == 250), extent(item["maps"][0].numpy() == CERTAIN)
    return max(np.abs(seen - box).max(), np.abs(mask - box).max()) <= tolerance


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", [(128, 96), (48, 40), (300, 200)])
def test_image_map_and_box_move_together(seed, size):
    box = np.array(BRIGHT) * np.tile(np.divide(size, (128, 96)), 2)
    place = Place((96, 64), (128, 96), zoom=(0.5, 2.0), stretch=0.3)
    item = place(to_item(sample(size, tuple(box.astype(int)))), np.random.default_rng(seed))
    assert tuple(item["image"].shape) == tuple(item["maps"].shape) == (3, 64, 96)
    assert coincide(item, 3.0)
    assert coincide(mirror(item), 3.0)


def test_outside_the_image_nothing_is_known():
    item = Place((128, 96), (64, 48), zoom=(1.0, 1.0), stretch=0)(
        to_item(sample((64, 48), (8, 8, 20, 20))), np.random.default_rng(1)
    )
    outside = item["image"][0].numpy() == augment.PAD
    assert 0.7 < outside.mean() < 0.8  # the crop is twice as large as the image a side
    assert (item["maps"][0].numpy()[outside] == UNKNOWN).all()
    assert coincide(item)


def test_a_frame_is_shown_as_in_use_times_the_zoom():
    item = STILL(to_item(sample((256, 192), (60, 40, 140, 100))), np.random.default_rng(0))
    assert item["boxes"].tolist() == [[30, 20, 70, 50]]


@pytest.mark.parametrize(
    ("box", "kept", "sure"),
    [
        ((-30, 10, 30, 30), 1, True),  # half is left
        ((-90, 10, 10, 30), 1, False),  # a tenth is left: something is there, but what
        ((5, 5, 7, 30), 1, False),  # too thin to be learnt from
        ((-30, 10, 0.5, 30), 0, None),  # gone
    ],
)
def test_boxes_cut_by_the_crop(box, kept, sure):
    whole = Sample(
        np.zeros((96, 128, 3), np.uint8), Boxes.of([(list(map(float, box)), "person", True, ANY_SIGN)])
    )
    item = STILL(to_item(whole), np.random.default_rng(0))
    assert len(item["boxes"]) == len(item["label"]) == len(item["sign"]) == kept
    assert item["sure"].tolist() == [sure] * kept
    assert (item["boxes"] >= 0).all()


def test_a_mirrored_sign_stays_a_sign_and_loses_its_meaning():
    item = to_item(sample())
    flipped = mirror(item)
    assert flipped["sign"].tolist() == [ANY_SIGN]
    assert flipped["label"].tolist() == [CLASSES.index("traffic_sign")]
    assert coincide(flipped, 0)
    assert flipped["boxes"].tolist() == [[128 - 70, 20, 128 - 30, 50]]
    twice = mirror(flipped)
    assert torch.equal(twice["image"], item["image"])


def test_light_changes_the_image_and_nothing_else():
    torch.manual_seed(0)
    before = to_item(sample())
    seen = [augment.augment(sample(), STILL, np.random.default_rng(seed)) for seed in range(8)]
    assert all(coincide_without_light(item) for item in seen)
    assert len({item["image"].numpy().tobytes() for item in seen}) == 8
    assert {int(item["sign"]) for item in seen} == {14, ANY_SIGN}  # some are mirrored
    assert all(item["image"].dtype == before["image"].dtype for item in seen)


def coincide_without_light(item):
    mask = item["maps"][0].numpy() == CERTAIN
    return np.abs(extent(mask) - item["boxes"][0].numpy()).max() <= 1


class Steady(np.random.Generator):
    """Draws the middle of every range, and never takes a chance."""

    def __init__(self):
        super().__init__(np.random.PCG64(0))

    def uniform(self, low=0.0, high=1.0, size=None):
        return 0.0 if size is None else np.zeros(size)

    def normal(self, mean=0.0, spread=1.0, size=None):
        return 0.0 if size is None else np.zeros(size)

    def random(self):
        return 1.0


@pytest.mark.parametrize("box", [(20, 30, 52, 62), (40.5, 20.25, 60, 50), (1, 1, 13, 9), (80, 60, 120, 95)])
def test_a_sign_is_framed_as_in_use(box):
    rng = np.random.default_rng(0)
    image = np.kron(rng.integers(0, 256, (12, 16, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    box = np.array(box, np.float32)
    crop = sign_crop(image, box, Steady(), 64, 1.2)
    (used,) = cpu.sign_crops(image, box[None])
    assert np.abs(crop.astype(int) - used).max() <= 12  # the weights of two roundings
    assert np.abs(crop.astype(int) - used).mean() < 1


def test_a_jittered_crop_is_another_one_each_time():
    image = np.random.default_rng(0).integers(0, 256, (60, 60, 3), np.uint8)
    rng = np.random.default_rng(1)
    crops = [sign_crop(image, np.array([10.0, 10, 50, 50]), rng, 64, 1.2) for _ in range(5)]
    assert len({crop.tobytes() for crop in crops}) == 5
    assert all(crop.shape == (64, 64, 3) and crop.dtype == np.uint8 for crop in crops)


SIGNS = {k: [(np.full((30, 30, 3), 200 + k, np.uint8), np.array([3.0, 3, 27, 27]))] for k in range(3)}


@pytest.mark.parametrize("seed", range(15))
def test_pasted_signs_overlap_no_box_and_lie_in_the_image(seed):
    before = sample((256, 192), (60, 40, 200, 180))
    after = paste_signs(before, SIGNS, 1.0, np.random.default_rng(seed))
    boxes = after.boxes.xyxy
    apart = (boxes[:, None, :2] >= boxes[None, :, 2:]) | (boxes[:, None, 2:] <= boxes[None, :, :2])
    assert (apart.any(2) | np.eye(len(boxes), dtype=bool)).all()
    assert (boxes >= 0).all()
    assert (boxes[:, 2:] <= (256, 192)).all()
    assert (after.image[50:170, 70:190] == (10, 20, 250)).all()


def test_pasted_signs_are_seen_where_their_boxes_are():
    rng = np.random.default_rng(0)
    empty = Sample(np.zeros((192, 256, 3), np.uint8), Boxes())
    pasted = [paste_signs(empty, SIGNS, 1.0, rng) for _ in range(10)]
    assert sum(len(one.boxes.xyxy) for one in pasted) > 10
    for one in pasted:
        for (x1, y1, x2, y2), sign in zip(one.boxes.xyxy, one.boxes.sign, strict=True):
            assert one.image[int((y1 + y2) / 2), int((x1 + x2) / 2)].min() > 100
            assert sign in SIGNS
    assert not empty.image.any()  # the sample itself is left alone


def test_absent_maps_are_unknown_and_present_ones_take_the_size_of_the_image():
    small = np.full((24, 32), CERTAIN, np.uint8)
    item = to_item(Sample(np.zeros((96, 128, 3), np.uint8), line=small))
    assert (item["maps"][1] == CERTAIN).all()
    assert (item["maps"][[0, 2]] == UNKNOWN).all()
    assert len(item["boxes"]) == 0


@pytest.mark.parametrize("seed", range(8))
def test_a_sensor_short_of_light_is_grainy_and_never_brighter(seed):
    grey = torch.full((3, 40, 50), 120, dtype=torch.uint8)
    seen = augment.dim_and_grainy(grey, np.random.default_rng(seed)).float()
    assert seen.mean() < 121
    assert 1.5 < seen.std() < 10

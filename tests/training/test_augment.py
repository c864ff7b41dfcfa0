"""Augmentation: what moves, moves together; what loses its meaning, loses it."""

from __future__ import annotations

import numpy as np
import pytest

from perception.kernels import cpu
from perception.letterbox import PAD
from perception.tasks.batch import ANY_SIGN, CERTAIN, MAPS, UNKNOWN
from perception.tasks.detection import CLASSES
from perception.training.augment import CELL, Place, augment, mirror, sign_crop
from perception.training.data.sample import Boxes, Sample
from perception.training.paste import paste_signs

BRIGHT = (30, 20, 70, 50)  # x1, y1, x2, y2
STILL = Place((128, 96), zoom=(1.0, 1.0), stretch=0.0, cover=0.0)


def sample(size=(128, 96), box=BRIGHT):
    """A bright rectangle, its mask and its box: a sign that means 14."""
    image, mask = np.zeros((size[1], size[0], 3), np.uint8), np.zeros(size[::-1], np.uint8)
    x1, y1, x2, y2 = box
    image[y1:y2, x1:x2] = (10, 20, 250)  # blue, green, red
    mask[y1:y2, x1:x2] = CERTAIN
    return Sample(image, Boxes.of([(list(map(float, box)), "traffic_sign", True, 14)]), drivable=mask)


def extent(mask, cell=1):
    """The box around what is set, in pixels."""
    y, x = np.nonzero(mask)
    return cell * np.array([x.min(), y.min(), x.max() + 1, y.max() + 1])


def coincide(item, tolerance=1.5):
    """The rectangle, its mask and its box, as far as they are in the picture."""
    if not len(item.boxes.xyxy):
        return not (item.maps[0] == CERTAIN).any()
    box = item.boxes.xyxy[0]
    seen, mask = extent(item.image[..., 2] > 200), extent(item.maps[0] == CERTAIN, CELL)
    return max(np.abs(seen - box).max(), np.abs(mask - box).max()) <= tolerance


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("size", [(128, 96), (48, 40), (300, 200)])
def test_image_map_and_box_move_together(seed, size):
    box = np.array(BRIGHT) * np.tile(np.divide(size, (128, 96)), 2)
    place = Place((96, 64), zoom=(0.5, 2.0), stretch=0.3)
    item = place(sample(size, tuple(box.astype(int))), np.random.default_rng(seed))
    assert item.image.shape == (64, 96, 3)
    assert item.maps.shape == (len(MAPS), 32, 48)
    assert coincide(item, 4.0)
    assert coincide(mirror(item), 4.0)


def test_outside_the_image_nothing_is_known():
    place = Place((128, 96), zoom=(0.5, 0.5), stretch=0, cover=0.0)
    item = place(sample((64, 48), (8, 8, 20, 20)), np.random.default_rng(1))
    outside = item.image[..., 0] == PAD
    assert 0.7 < outside.mean() < 0.8  # the crop is twice as large as the image a side
    unknown = item.maps[0] == UNKNOWN
    assert 0.7 < unknown.mean() < 0.8
    assert (np.kron(unknown, np.ones((2, 2), bool)) != outside).mean() < 0.05
    assert coincide(item, 2.0)


def test_soft_maps_stay_soft_and_end_with_the_image():
    soft = np.tile(np.linspace(0, 200, 64).astype(np.uint8), (48, 1))
    place = Place((128, 96), zoom=(0.5, 0.5), stretch=0, cover=0.0)
    line = place(Sample(np.zeros((48, 64, 3), np.uint8), line=soft), np.random.default_rng(1)).maps[1]
    known = line[line != UNKNOWN]
    assert known.max() <= 200  # nothing is mixed with what is unknown
    assert len(np.unique(known)) > 20


def test_a_frame_is_shown_as_in_use_times_the_zoom():
    item = STILL(sample((256, 192), (60, 40, 140, 100)), np.random.default_rng(0))
    assert item.boxes.xyxy.tolist() == [[30, 20, 70, 50]]


def test_a_wide_input_is_filled_by_some_pictures_that_are_not_wide():
    place = Place((256, 64), zoom=(1.0, 1.0), stretch=0)
    seen = [place(sample(), np.random.default_rng(seed)).image for seed in range(30)]
    grey = [(image[..., 0] == PAD).mean() for image in seen]
    assert max(grey) > 0.4
    assert min(grey) < 0.15


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
    boxes = STILL(whole, np.random.default_rng(0)).boxes
    assert len(boxes.xyxy) == len(boxes.label) == len(boxes.sign) == kept
    assert boxes.sure.tolist() == [sure] * kept
    assert (boxes.xyxy >= 0).all()


def test_a_mirrored_sign_stays_a_sign_and_loses_its_meaning():
    item = STILL(sample(), np.random.default_rng(0))
    flipped = mirror(item)
    assert flipped.boxes.sign.tolist() == [ANY_SIGN]
    assert flipped.boxes.label.tolist() == [CLASSES.index("traffic_sign")]
    assert coincide(flipped, 0)
    assert flipped.boxes.xyxy.tolist() == [[128 - 70, 20, 128 - 30, 50]]
    assert np.array_equal(mirror(flipped).image, item.image)


def test_light_changes_the_image_and_nothing_else():
    seen = [augment(sample(), STILL, np.random.default_rng(seed)) for seed in range(12)]
    for item in seen:
        assert np.abs(extent(item.maps[0] == CERTAIN, CELL) - item.boxes.xyxy[0]).max() <= 1
        assert item.image.dtype == np.uint8
    assert len({item.image.tobytes() for item in seen}) == 12
    assert {int(item.boxes.sign[0]) for item in seen} == {14, ANY_SIGN}  # some are mirrored


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


def test_absent_maps_are_unknown_and_small_ones_cover_the_whole_image():
    small = np.full((24, 32), CERTAIN, np.uint8)
    item = STILL(Sample(np.zeros((96, 128, 3), np.uint8), line=small), np.random.default_rng(0))
    assert (item.maps[1] == CERTAIN).all()
    assert (item.maps[[0, 2, 3]] == UNKNOWN).all()
    assert len(item.boxes.xyxy) == 0

"""Crops that are no known sign, and known signs of other make."""

from __future__ import annotations

import numpy as np
import pytest

from perception.tasks.batch import ANY_SIGN
from perception.tasks.detection import CLASSES
from perception.training.data.outliers import Outliers, Patches
from perception.training.data.sample import Boxes, Sample, negative_weights
from perception.training.data.variants import Variants, dyed

BOX = np.array([6, 6, 34, 34], np.float32)
NOISE = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
SIGNS = [(NOISE[:40, :40], BOX, k) for k in range(43)]


def frame(image=NOISE, sign=1.0):
    rows = [([4.0, 5, 44, 65], name, True, -1) for name in CLASSES if name != "traffic_sign"]
    rows.append(([60.0, 0, 120, 90], "traffic_sign", True, 3))
    return Sample(image, Boxes.of(rows), negative_weights(traffic_sign=sign))


OUTLIERS = Outliers([frame()], SIGNS)


@pytest.mark.parametrize("kind", OUTLIERS.kinds, ids=lambda kind: kind.__name__)
def test_every_kind_gives_a_picture_and_a_box_in_it_of_no_class(kind):
    for seed in range(40):
        image, box, sign = kind(np.random.default_rng(seed))
        middle = (box[:2] + box[2:]) / 2
        assert (image.dtype, image.shape[2], sign) == (np.uint8, 3, ANY_SIGN)
        assert min(image.shape[:2]) >= 2
        assert (box[2:] > box[:2]).all()
        assert (middle > -2).all()
        assert (middle < np.add(image.shape[1::-1], 2)).all()


def test_the_same_seed_gives_the_same_outlier():
    one, two = (OUTLIERS(np.random.default_rng(7)) for _ in range(2))
    assert np.array_equal(one[0], two[0])
    assert np.array_equal(one[1], two[1])


def test_patches_show_no_sign():
    image = np.full_like(NOISE, 90)
    image[:, 60:] = 255
    patches = Patches([frame(image)])
    assert not any((patches(np.random.default_rng(k)) == 255).any() for k in range(60))


def test_frames_whose_signs_nobody_boxed_give_no_patches():
    assert not Patches([frame(sign=0.0)]).samples


def test_signs_that_mean_the_same_when_turned_are_not_turned():
    turned = Outliers([], [(NOISE[:40, :40], BOX, 12)])
    for seed in range(20):
        image, _, _ = turned._turned(np.random.default_rng(seed))
        assert not any(np.array_equal(image, np.rot90(NOISE[:40, :40], k)) for k in range(4))


def test_outliers_are_drawn_where_there_is_no_data():
    assert [kind.__name__ for kind in Outliers([], []).kinds] == ["_drawn"]


def test_variants_are_of_every_class():
    variants = Variants([frame()], SIGNS)
    found = [variants(np.random.default_rng(k)) for k in range(500)]
    assert {sign for _, _, sign in found} == set(range(43))
    assert all((box[2:] - box[:2] >= 8).all() and image.shape[2] == 3 for image, box, sign in found)


def test_white_turns_yellow_and_red_stays():
    image = np.full((40, 40, 3), 220, np.uint8)
    image[20:] = (30, 30, 200)
    after = dyed(image, BOX, np.random.default_rng(0))
    assert after[12, 20, 0] < 100 < 180 < after[12, 20, 2]
    assert np.array_equal(after[30, 20], image[30, 20])
    assert np.array_equal(after[0, 0], image[0, 0])

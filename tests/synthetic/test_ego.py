"""The own vehicle over any picture."""

import numpy as np
import pytest

from perception.synthetic.ego import ego, lay

SEEDS = range(24)
SIZES = [(640, 384), (360, 640), (1242, 375), (97, 61)]


def picture(size):
    return np.random.default_rng(0).integers(60, 200, (size[1], size[0], 3), np.uint8)


@pytest.mark.parametrize("size", SIZES)
def test_it_fits_a_picture_of_any_size(size):
    for seed in SEEDS:
        image, covered = lay(picture(size), ego(size, np.random.default_rng(seed), picture(size)))
        assert image.shape == (size[1], size[0], 3)
        assert image.dtype == np.uint8
        assert covered.shape == image.shape[:2]


def test_outside_the_cover_the_picture_is_as_it_was():
    before = picture(SIZES[0])
    for seed in SEEDS:
        cover = ego(SIZES[0], np.random.default_rng(seed), before)
        image, covered = lay(before, cover)
        assert (image[cover.alpha == 0] == before[cover.alpha == 0]).all()
        assert (image[cover.alpha == 255] == cover.image[cover.alpha == 255]).all()
        assert (covered == (cover.alpha > 127)).all()


def test_most_covers_lie_at_the_bottom_and_leave_the_road_in_view():
    covers = [ego(SIZES[0], np.random.default_rng(seed)).covered for seed in range(60)]
    shares = np.array([cover.mean() for cover in covers])
    assert 0.05 < np.median(shares) < 0.25
    assert shares.max() < 0.5
    assert np.mean([cover[-1].mean() > 0.3 for cover in covers]) > 0.85


def test_shapes_follow_from_the_seed_and_colours_from_the_surroundings():
    dark, pale = np.full((96, 160, 3), 8, np.uint8), np.full((96, 160, 3), 240, np.uint8)
    by_night, by_day = (ego(SIZES[0], np.random.default_rng(3), around) for around in (dark, pale))
    assert (by_night.covered == by_day.covered).all()
    assert by_night.image[by_night.covered].mean() < 0.3 * by_day.image[by_day.covered].mean()


def test_another_seed_is_another_vehicle():
    covers = [ego(SIZES[0], np.random.default_rng(seed)).alpha.tobytes() for seed in SEEDS]
    assert len(set(covers)) == len(covers)

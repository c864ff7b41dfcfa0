"""What light, weather, lens, sensor and codec do: the picture changes, its size does not."""

from __future__ import annotations

import numpy as np
import pytest

from perception.training import light

IMAGE = np.random.default_rng(3).integers(60, 200, (8, 10, 3)).astype(np.uint8).repeat(10, 0).repeat(12, 1)
CHANGES = [light.dark, *(change for _, change in (*light.AIR, *light.CAMERA))]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("change", [light.exposed, *CHANGES], ids=lambda change: change.__name__)
def test_a_change_keeps_size_and_type_and_leaves_its_input_alone(change, seed):
    before = IMAGE.copy()
    changed = change(IMAGE, np.random.default_rng(seed))
    assert (changed.shape, changed.dtype) == (IMAGE.shape, np.uint8)
    assert np.array_equal(IMAGE, before)
    assert not np.array_equal(changed, IMAGE)


@pytest.mark.parametrize("seed", range(6))
def test_night_is_darker_and_fog_flatter(seed):
    rng = np.random.default_rng(seed)
    assert np.median(light.dark(IMAGE, rng)) < np.median(IMAGE)
    assert light.foggy(IMAGE, rng)[: len(IMAGE) // 2].std() < IMAGE[: len(IMAGE) // 2].std()


@pytest.mark.parametrize("seed", range(4))
def test_at_night_the_sky_is_darker_than_the_road(seed):
    day = np.full((96, 160, 3), 90, np.uint8)
    day[:48] = 230
    night = light.dark(day, np.random.default_rng(seed))
    assert np.median(night[:24]) < np.median(night[-24:])


@pytest.mark.parametrize("seed", range(4))
def test_vehicles_have_their_lamps_on(seed):
    day = np.full((96, 160, 3), 20, np.uint8)
    places = np.array([[k, 60, k + 24, 80] for k in range(10, 110, 25)], np.float32)
    lit, unlit = (light.dark(day, np.random.default_rng(seed), boxes)[60:80] for boxes in (places, None))
    assert (lit[..., 2] > 150).sum() > (unlit[..., 2] > 150).sum() + 8


def test_the_same_seed_gives_the_same_light():
    one, other = (light.under_another_light(IMAGE, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(one, other)

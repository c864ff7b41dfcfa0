"""What light, weather, lens, sensor and codec do: the picture changes, its size does not."""

from __future__ import annotations

import numpy as np
import pytest

from perception.training import light

IMAGE = np.random.default_rng(3).integers(60, 200, (8, 10, 3)).astype(np.uint8).repeat(10, 0).repeat(12, 1)
CHANGES = [change for _, change in light.CHANGES]


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


def test_the_same_seed_gives_the_same_light():
    one, other = (light.under_another_light(IMAGE, np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(one, other)

"""Weather over any picture."""

import numpy as np
import pytest

from perception.synthetic.weather import EFFECTS

effects = pytest.mark.parametrize("name", EFFECTS)
PICTURE = np.random.default_rng(0).integers(40, 160, (120, 200, 3), np.uint8)


@effects
@pytest.mark.parametrize("size", [(200, 120), (61, 97), (640, 200)])
def test_an_effect_keeps_the_size_and_leaves_its_input_alone(name, size):
    before = np.full((size[1], size[0], 3), 90, np.uint8)
    after = EFFECTS[name](before, np.random.default_rng(1), None)
    assert after.shape == before.shape
    assert after.dtype == np.uint8
    assert (before == 90).all()


@effects
def test_an_effect_changes_the_picture_and_repeats(name):
    first, again = (EFFECTS[name](PICTURE, np.random.default_rng(2), None) for _ in range(2))
    assert (first == again).all()
    assert 0.05 < np.abs(first.astype(int) - PICTURE).mean() < 130


def test_fog_is_thicker_farther_away():
    depth = np.repeat(np.linspace(200, 5, 120, dtype=np.float32)[:, None], 200, 1)
    foggy = EFFECTS["fog"](PICTURE, np.random.default_rng(3), depth)
    assert foggy[:20].std() < 0.7 * foggy[-20:].std()

"""Drawn signs of other kinds, and the 43 as other countries make them."""

from __future__ import annotations

import numpy as np
import pytest

from perception.synthetic.foreign import FAMILIES, UNSEEN, draw
from perception.synthetic.lettering import glyphs
from perception.synthetic.mounting import mounted
from perception.synthetic.styles import LIT, SIDE, style, styled

GREY = np.full((9, 9, 3), 120, np.uint8)


@pytest.mark.parametrize("name", [*FAMILIES, *UNSEEN])
def test_a_family_draws_signs_that_differ_and_come_again(name):
    table = {**FAMILIES, **UNSEEN}
    one, again, other = (draw(table, np.random.default_rng(seed), name) for seed in (3, 3, 4))
    assert (one.shape, one.dtype) == ((SIDE, SIDE, 4), np.uint8)
    assert (one[..., 3] > 0).mean() > 0.02
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_what_is_kept_to_judge_by_is_not_taught():
    assert not set(FAMILIES) & set(UNSEEN)
    assert len(UNSEEN) >= 5


@pytest.mark.parametrize("class_id", range(43))
def test_every_class_has_styles(class_id):
    faces = [styled(class_id, style(rng), rng) for rng in map(np.random.default_rng, range(6))]
    assert all((face[..., 3] > 0).mean() > 0.3 for face in faces)
    assert len({face.tobytes() for face in faces}) == 6


def test_lamps_show_signs_on_a_dark_board():
    looks = [(style(rng), rng) for rng in map(np.random.default_rng, range(40))]
    boards = [styled(2, look, rng) for look, rng in looks if look.led]
    assert 2 in LIT
    assert boards
    assert all((board[..., 3] == 255).all() and board[..., :3].mean() < 90 for board in boards)


def test_the_box_of_a_mounted_sign_is_where_it_is_painted():
    sheet = np.zeros((SIDE, SIDE, 4), np.uint8)
    sheet[40:120, 20:140] = (250, 20, 20, 255)
    for seed in range(20):
        image, box = mounted(sheet, GREY, np.random.default_rng(seed), wear=0)
        size = box[2:] - box[:2]
        blue = image[..., 0] > image[..., 2] + 1
        assert 0.9 < size[0] / size[1] < 1.8
        assert blue.sum() > 0.75 * size.prod()
        assert np.abs((box[:2] + box[2:]) / 2 - image.shape[0] / 2).max() < 0.1 * image.shape[0]


def test_glyphs_are_cut_to_their_edges():
    mask = glyphs("50", np.random.default_rng(0))
    assert all(edge.any() for edge in (mask[0], mask[-1], mask[:, 0], mask[:, -1]))
    assert mask.shape[1] > mask.shape[0]

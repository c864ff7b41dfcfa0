"""The loss of soft maps with holes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from perception.kernels import reference
from perception.tasks.batch import CERTAIN, UNKNOWN
from perception.tasks.map_loss import map_loss, shuffled


def truth_of(*rows):
    return torch.tensor(rows, dtype=torch.uint8)[None]


@pytest.mark.parametrize("dice", [0.0, 0.5])
def test_unknown_pixels_have_no_gradient_and_no_say(dice):
    truth = truth_of([CERTAIN, 0, UNKNOWN], [UNKNOWN, 100, 0])
    logits = torch.randn(1, 2, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(map_loss(logits, truth, dice), logits)
    assert ((gradient == 0) == (truth == UNKNOWN)).all()
    other = torch.where(truth == UNKNOWN, 7.0, logits)
    torch.testing.assert_close(map_loss(other, truth, dice), map_loss(logits, truth, dice))


def test_nothing_known_is_no_loss():
    assert map_loss(torch.zeros(2, 3, 3), torch.full((2, 3, 3), UNKNOWN, dtype=torch.uint8), 0.5) is None


def test_a_soft_truth_is_learnt_as_it_is():
    truth = truth_of([0, 64, 127, 254])
    logits = (truth / CERTAIN).clamp(1e-4, 1 - 1e-4).logit().requires_grad_()
    (gradient,) = torch.autograd.grad(map_loss(logits, truth, 0.0), logits)
    assert gradient.abs().max() < 1e-3


def test_dice_is_the_share_that_does_not_overlap():
    truth = truth_of([CERTAIN] * 10 + [0] * 10)
    logits = torch.tensor([[[30.0] * 5 + [-30.0] * 15]])
    entropy = map_loss(logits, truth, 0.0)
    overlap = (2 * 5 + 1) / (5 + 10 + 1)
    torch.testing.assert_close(map_loss(logits, truth, 1.0), entropy + 1 - overlap)


def test_dice_leaves_out_images_without_the_thing():
    empty, full = truth_of([0] * 4), truth_of([CERTAIN] * 4)
    logits = torch.zeros(1, 1, 4)
    torch.testing.assert_close(map_loss(logits, empty, 1.0), map_loss(logits, empty, 0.0))
    assert map_loss(logits, full, 1.0) > map_loss(logits, full, 0.0)


def test_sub_pixels_are_ordered_as_in_use():
    parts = torch.randn(1, 32, 3, 5)
    for i, map_ in enumerate(shuffled(parts, 4)[0]):
        np.testing.assert_array_equal(map_, reference.pixel_shuffle(parts[0, 16 * i : 16 * i + 16].numpy()))

"""The losses of both ways to read signs."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from perception.tasks.signs.loss import GridSignLoss, SignLoss
from tests.batches import NO_CROPS, SIZE, make_batch

BATCH = make_batch()


def grids():
    shape = {s: (2, 43, SIZE[1] // s, SIZE[0] // s) for s in (8, 16, 32)}
    return {f"signs_grid.logits{s}": torch.zeros(shape[s], requires_grad=True) for s in shape}


def test_no_crops_are_no_loss():
    assert SignLoss()({}, replace(BATCH, **NO_CROPS)) is None


def test_the_right_class_of_each_crop_costs_least():
    right = torch.nn.functional.one_hot(BATCH.crop_signs, 43) * 9.0
    loss = SignLoss()({"signs.logits": right}, BATCH)
    assert loss < 0.6 < 3 < SignLoss()({"signs.logits": right.roll(1, 0)}, BATCH)


def test_what_is_no_known_sign_shall_be_answered_evenly():
    batch = replace(BATCH, crop_signs=torch.tensor([14, -1, -1]))
    logits = (torch.nn.functional.one_hot(torch.tensor([14, 3, 40]), 43) * 9.0).requires_grad_()
    loss = SignLoss()({"signs.logits": logits}, batch)
    loss.backward()
    assert logits.grad[1, 3] > 0.1 > 0 > logits.grad[1, 4]
    assert logits.grad[1].sum().abs() < 1e-6
    even = SignLoss()({"signs.logits": torch.zeros(3, 43)}, replace(batch, crop_signs=torch.full((3,), -1)))
    assert even.item() == pytest.approx(0, abs=1e-5)


def test_a_sign_is_read_at_the_cell_in_its_middle():
    outputs = grids()
    GridSignLoss()(outputs, BATCH).backward()
    taught = outputs["signs_grid.logits8"].grad.abs().sum(1).nonzero()
    assert taught.tolist() == [[0, 2, 9], [1, 1, 1]]  # signs at (72, 16) and (12, 12)
    assert outputs["signs_grid.logits8"].grad[0, 14, 2, 9] < 0
    assert not outputs["signs_grid.logits16"].grad.any()


def test_large_signs_are_read_on_coarser_grids():
    boxes = BATCH.boxes.clone()
    boxes[:, 1] = torch.tensor([10.0, 0, 80, 60])
    outputs = grids()
    GridSignLoss()(outputs, replace(BATCH, boxes=boxes)).backward()
    assert not outputs["signs_grid.logits8"].grad.any()
    assert outputs["signs_grid.logits16"].grad.abs().sum(1).nonzero().tolist() == [[0, 1, 2], [1, 1, 2]]


@pytest.mark.parametrize("change", [{"signs": torch.full((2, 2), -1)}, {"sure": torch.zeros(2, 2).bool()}])
def test_signs_of_unknown_meaning_and_unsure_ones_teach_nothing(change):
    assert GridSignLoss()(grids(), replace(BATCH, **change)) is None

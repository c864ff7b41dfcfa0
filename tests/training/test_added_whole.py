"""The whole network learns an added task, and is held to what it said before."""

from __future__ import annotations

import copy
from itertools import repeat

import cv2
import numpy as np
import pytest
import torch

from perception.errors import DataError
from perception.labels.added import Example
from perception.model.added import AddedHead
from perception.model.network import normalise
from perception.tasks.added_batch import AddedBatch
from perception.training.added import whole
from perception.training.added.recipe import Recipe
from tests.batches import SIZE, make_batch, smooth, trained

QUICK = Recipe(free_steps=10, free_batch=4, free_lr=3e-3, lr=3e-2).of("map")
CELLS = (SIZE[1] // 4, SIZE[0] // 4)


@pytest.fixture(scope="module")
def network():
    return trained()


def batch():
    """A picture whose upper half is of another class, and an old one."""
    labels = torch.zeros(1, *CELLS, dtype=torch.int64)
    labels[:, : CELLS[0] // 2] = 1
    new, old = make_batch().images.split(1)
    return whole.Step(new, old, AddedBatch((), torch.zeros(0), labels))


def learnt(network, recipe=QUICK):
    made, head = copy.deepcopy(network), AddedHead([64, network.trunk.encoder.widths[0]], 8, 8, recipe.detail)
    whole.fit(made, head, "map", repeat(batch()), torch.ones(2), recipe)
    return made


def outputs(network):
    with torch.no_grad():
        return network(normalise(make_batch().images))


def test_kernels_of_trunk_and_heads_move_and_what_signs_are_read_by_does_not(network):
    before, after = network.state_dict(), learnt(network).state_dict()
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert {"trunk.neck.fuse.0.conv.weight", "heads.lanes.map.weight"} <= moved
    front = [f"trunk.encoder.{part}" for part in ("stem.", "stages.0.", "stages.1.")]
    kernels = {name for name in moved if name.startswith(tuple(front)) and ".norm." not in name}
    assert not kernels, "those of sign crops are their copies, each channel with a scale of its own"
    assert not {name for name in moved if "running" in name or "heads.signs." in name}


def test_distilling_holds_the_old_outputs(network):
    was = outputs(network)
    free, held = (
        float(whole.distilled(was, outputs(learnt(network, Recipe(**{**vars(QUICK), "distil": weight})))))
        for weight in (0.0, 10.0)
    )
    assert 0 < held < free / 2


def test_the_same_answers_cost_nothing_and_no_answer_costs_one_a_task(network):
    was = outputs(network)
    assert float(whole.distilled(was, was)) == 0
    means = {name: value.mean().expand_as(value) for name, value in was.items()}
    assert float(whole.distilled(was, means)) == pytest.approx(len({n.split(".")[0] for n in was}), rel=1e-3)


def test_a_loss_that_is_no_number_is_named(network):
    broken = copy.deepcopy(network)
    torch.nn.init.constant_(broken.trunk.neck.fuse[0].norm.bias, float("nan"))
    with pytest.raises(DataError, match="the loss is no number any more"):
        learnt(broken)


def test_half_of_a_batch_are_pictures_of_the_old_kind(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), smooth(1, (60, 40))[0])
    examples = [Example(tmp_path / "a.png", "dark")]
    made = whole.steps(examples, ["dark", "bright"], smooth(3, SIZE), SIZE, QUICK.of("image"))
    step = next(made)
    assert step.new.shape == step.old.shape == (2, 3, SIZE[1], SIZE[0])
    assert step.new.dtype == step.old.dtype == torch.uint8
    assert (step.truth.class_id.tolist(), [k for k, _ in step.truth.places]) == ([0, 0], [0, 1])


def test_batches_are_the_same_for_the_same_seed(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), smooth(1, (60, 40))[0])
    told = ([Example(tmp_path / "a.png", "dark")], ["dark"], smooth(2, SIZE), SIZE)
    once, again, other = (next(whole.steps(*told, Recipe(seed=k).of("image"))).new for k in (0, 0, 1))
    assert torch.equal(once, again)
    assert not np.array_equal(once, other)

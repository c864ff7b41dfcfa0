"""Partial labels: what is absent teaches nothing, and what is there teaches the shared encoder."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from perception.model.network import Network
from perception.tasks.losses import LOSSES
from perception.training.objective import losses
from tests.batches import NO_BOXES, NO_CROPS, known_maps, make_batch

WHOLE = make_batch()
NOTHING = replace(WHOLE, maps=known_maps(WHOLE), **NO_BOXES, **NO_CROPS)
PARTS = {  # truth of one kind alone
    "line": replace(NOTHING, maps=known_maps(WHOLE, "line")),
    "paint": replace(NOTHING, maps=known_maps(WHOLE, "paint")),
    "drivable": replace(NOTHING, maps=known_maps(WHOLE, "drivable")),
    "scores": replace(NOTHING, has_boxes=WHOLE.has_boxes),
    "signs": replace(NOTHING, crops=WHOLE.crops, crop_signs=WHOLE.crop_signs),
    "signs on the grid": replace(NOTHING, valid=WHOLE.valid),
}
TASK = {"line": "lanes", "paint": "lanes", "scores": "detection", "signs on the grid": "signs_grid"}
WITHOUT = {  # the whole batch less the truth of one task
    "detection": replace(WHOLE, **NO_BOXES),
    "lanes": replace(WHOLE, maps=known_maps(WHOLE, "drivable")),
    "drivable": replace(WHOLE, maps=known_maps(WHOLE, "line", "paint")),
    "signs": replace(WHOLE, **NO_CROPS),
}


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Network().train()


def gradients(network, loss):
    """By parameter name, of those that the loss depends on."""
    names, parameters = zip(*network.named_parameters(), strict=True)
    found = torch.autograd.grad(loss, parameters, allow_unused=True)
    return {name: g for name, g in zip(names, found, strict=True) if g is not None}


def heads(found):
    """The heads that a gradient enters."""
    return {name.split(".")[1] for name, g in found.items() if name.startswith("heads.") and g.any()}


@pytest.mark.parametrize("kind", PARTS)
def test_each_kind_of_truth_teaches_the_encoder_and_its_own_head_alone(network, kind):
    found = losses(network, PARTS[kind])
    task = TASK.get(kind, kind)
    assert set(found) == {task}
    gradient = gradients(network, found[task])
    assert gradient["trunk.encoder.stem.conv.weight"].abs().max() > 0
    assert heads(gradient) == {task}


def test_box_distances_teach_the_encoder(network):
    outputs = network((WHOLE.images.float() - 116) / 58)
    answers = {name: x if ".boxes" in name else x.detach() for name, x in outputs.items()}
    gradient = gradients(network, LOSSES["detection"](answers, WHOLE))
    assert gradient["trunk.encoder.stem.conv.weight"].abs().max() > 0
    assert heads(gradient) == {"detection"}


def test_a_batch_without_truth_has_no_losses(network):
    assert losses(network, NOTHING) == {}


@pytest.mark.parametrize("task", WITHOUT)
def test_an_absent_task_is_absent_and_not_zero(network, task):
    found = losses(network, WITHOUT[task])
    assert task not in found
    torch.stack(list(found.values())).sum().backward()
    assert all(p.grad is None for p in network.heads[task].parameters())
    assert network.trunk.encoder.stem.conv.weight.grad.any()


@pytest.mark.parametrize("task", ["detection", "lanes", "drivable"])
def test_the_others_learn_as_if_the_absent_task_did_not_exist(network, task):
    others = [name for name in ("detection", "lanes", "drivable") if name != task]
    smaller = Network(others).train()
    smaller.load_state_dict({k: v for k, v in network.state_dict().items() if k in smaller.state_dict()})
    batch = replace(
        WITHOUT[task], valid=WITHOUT[task].valid, signs=torch.full_like(WHOLE.signs, -1), **NO_CROPS
    )
    found, expected = losses(network, batch), losses(smaller, batch)
    assert set(found) == set(expected) == set(others)
    with_head = gradients(network, sum(found.values()))
    for name, gradient in gradients(smaller, sum(expected.values())).items():
        torch.testing.assert_close(with_head[name], gradient)

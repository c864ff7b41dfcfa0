"""Losses that reach what is shared, and how the tasks' gradients agree there."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from perception.errors import DataError
from perception.model.network import Network
from perception.training.analysis.conflict import affinity, conflicts, parts
from perception.training.objective import check_alive, losses
from tests.batches import make_batch

TASKS = ("detection", "lanes", "signs", "drivable")


@pytest.fixture
def network():
    torch.manual_seed(0)
    return Network(TASKS).train()


def test_live_losses_are_alive(network):
    check_alive(network, losses(network, make_batch()))


def test_a_loss_that_is_rounded_is_dead(network):
    found = losses(network, make_batch())
    with pytest.raises(DataError, match="that of lanes has no gradient"):
        check_alive(network, found | {"lanes": found["lanes"].round()})


def test_cosines_are_of_pairs_that_meet(network):
    before = {name: x.clone() for name, x in network.state_dict().items()}
    found = conflicts(network, make_batch())
    assert set(found) == {"trunk", "neck", "encoder.stem", *(f"encoder.stages.{k}" for k in range(4))}
    assert "detection|signs" in found["encoder.stages.0"]
    assert "detection|signs" not in found["neck"] | found["encoder.stages.3"]
    assert all(-1 <= cosine <= 1 for part in found.values() for cosine in part.values())
    assert all(torch.equal(before[name], x) for name, x in network.state_dict().items())
    assert all(p.grad is None for p in network.parameters())


def test_cosines_are_those_of_the_gradients(network):
    batch = make_batch()
    got = conflicts(network, batch)["neck"]["detection|lanes"]
    rows = []
    for task in ("detection", "lanes"):
        found = torch.autograd.grad(losses(network, batch, exact=True)[task], parts(network)["neck"])
        rows.append(torch.cat([g.flatten() for g in found]))
    assert got == pytest.approx(float(torch.cosine_similarity(*rows, dim=0)), abs=1e-3)


def test_affinity_is_what_a_step_does_for_others(network):
    before = {name: x.clone() for name, x in network.state_dict().items()}
    found = affinity(network, make_batch(), 3e-5)
    assert set(found) == {f"{a}>{b}" for a in TASKS for b in TASKS}
    assert all(found[f"{task}>{task}"] > 0 for task in ("lanes", "signs", "drivable"))
    assert all(torch.equal(before[name], x) for name, x in network.state_dict().items())


def test_affinity_leaves_out_a_task_with_nothing_to_learn(network):
    nothing = torch.zeros(2, 2, dtype=torch.bool)
    batch = replace(make_batch(), valid=nothing, negative_weight=torch.zeros(2, 6))
    assert "detection" not in losses(network, batch, exact=True)
    rest = [task for task in TASKS if task != "detection"]
    assert set(affinity(network, batch)) == {f"{a}>{b}" for a in rest for b in rest}

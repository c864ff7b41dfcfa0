"""Which tasks are trained when, and what stands still."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch

from perception.errors import DataError
from perception.model.network import Network
from perception.training.backward import backward, cut_off
from perception.training.balance import BALANCE
from perception.training.config import Config, configure
from perception.training.objective import check_parts, freeze, losses
from perception.training.schedule import SCHEDULES
from tests.batches import make_batch

ALL = {"detection", "lanes", "signs", "drivable"}
CONFIG = replace(Config(), steps=100, groups=(("lanes", "drivable"),), frozen={"trunk": (0.0, 0.3)})


def plan(name, step, config=CONFIG):
    return SCHEDULES[name](config)(step, step / config.steps)


@pytest.mark.parametrize("name", SCHEDULES)
def test_every_task_is_trained_and_nothing_stands_still_for_ever(name):
    plans = [plan(name, step) for step in range(100)]
    assert set().union(*(p.tasks for p in plans)) == ALL
    assert not plans[-1].frozen


def test_alternating_takes_one_task_a_step():
    assert [set(plan("alternating", step).tasks) for step in range(5)] == [
        {"detection"},
        {"lanes"},
        {"signs"},
        {"drivable"},
        {"detection"},
    ]


def test_groups_take_turns_and_then_join():
    turns = [set(plan("grouped", step).tasks) for step in range(3)]
    assert turns == [{"lanes", "drivable"}, {"detection"}, {"signs"}]
    assert plan("grouped", 59).tasks != ALL == plan("grouped", 60).tasks


def test_what_comes_later_comes_with_the_progress_of_the_run_whatever_ends_it():
    grouped, staged = (SCHEDULES[name](CONFIG) for name in ("grouped", "staged"))
    assert grouped(2, 0.59).tasks != ALL == grouped(2, 0.6).tasks
    assert (staged(2, 0.29).frozen, staged(2, 0.3).frozen) == (("trunk",), ())


@pytest.mark.parametrize("groups", [(("lanes", "depth"),), (("lanes",), ("lanes", "signs"))])
def test_groups_of_unknown_tasks_or_twice_are_refused(groups):
    with pytest.raises(DataError, match="at most once"):
        plan("grouped", 0, replace(CONFIG, groups=groups))


def test_a_part_that_no_network_has_is_refused():
    network = Network(("lanes",))
    check_parts(network, ("trunk", "heads.lanes"))
    with pytest.raises(
        DataError, match=r"frozen: expected trunk, heads\.lanes or a part of these, got 'trnk'"
    ):
        check_parts(network, ("trnk",))


def test_stages_by_setting():
    config = configure("quick", ["schedule=staged", "frozen.trunk=[0.0, 0.5]", "steps=10"])
    assert [plan("staged", step, config).frozen for step in (0, 4, 5)] == [("trunk",), ("trunk",), ()]
    with pytest.raises(DataError, match=r"frozen\.trunk: expected \[from, to\]"):
        plan("staged", 0, replace(config, frozen={"trunk": (0.5, 0.1)}))


@pytest.mark.parametrize("method", ["equal", "upgrad"])
@pytest.mark.parametrize("part", ["trunk", "heads.lanes", "trunk.encoder"])
def test_frozen_parts_keep_weights_and_statistics(part, method):
    torch.manual_seed(0)
    network, balance = Network(tuple(sorted(ALL))), BALANCE[method]({}, 0)
    freeze(network, [part])
    before = {name: x.clone() for name, x in network.state_dict().items()}
    with cut_off(network) if balance.needs_gramian else nullcontext() as cut:
        found = losses(network, make_batch())
    backward(network, found, balance, cut)
    torch.optim.SGD([p for p in network.parameters() if p.grad is not None], 0.1).step()
    moved = {name for name, x in network.state_dict().items() if not torch.equal(x, before[name])}
    assert moved
    assert not {name for name in moved if name.startswith(f"{part}.")}
    assert part == "trunk" or any(name.startswith("trunk.") for name in moved)


@pytest.mark.parametrize("at", ["features", "parameters"])
@pytest.mark.parametrize("method", ["equal", "upgrad"])
def test_a_task_that_nothing_can_learn_takes_no_part(method, at):
    network, balance = Network(tuple(sorted(ALL))), BALANCE[method]({}, 0)
    freeze(network, ["trunk", "heads.signs"])
    with cut_off(network) if balance.needs_gramian and at == "features" else nullcontext() as cut:
        found = losses(network, make_batch())
    weights, _ = backward(network, found, balance, cut)
    assert set(weights) == ALL - {"signs"}
    assert {name.split(".")[1] for name, p in network.named_parameters() if p.grad is not None} == set(
        weights
    )


@pytest.mark.parametrize("method", ["equal", "upgrad"])
def test_where_all_stands_still_nothing_is_weighed(method):
    network = Network(("lanes",))
    freeze(network, ["trunk", "heads.lanes"])
    assert backward(network, losses(network, make_batch()), BALANCE[method]({}, 0))[0] == {}


def test_thawed_parts_learn_again():
    network = Network(("lanes",))
    freeze(network, ["trunk"])
    freeze(network, [])
    assert all(p.requires_grad for p in network.parameters())
    assert all(m.training for m in network.modules())


def test_losses_of_some_tasks_compute_no_others():
    network = Network(tuple(sorted(ALL))).train()
    seen = []
    for task, head in network.heads.items():
        head.register_forward_hook(lambda *_, task=task: seen.append(task))
    assert set(losses(network, make_batch(), tasks={"signs"})) == {"signs"} == set(seen)

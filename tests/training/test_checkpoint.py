"""Weights of one run for the network of another."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from perception.errors import DataError
from perception.model.network import Network
from perception.training.checkpoint import CHECKPOINT, fitted, load_checkpoint
from perception.training.config import Config
from perception.training.loop import Trainer

ALL = ("detection", "lanes", "signs", "drivable")


def start(folder, tasks, sharing):
    """A checkpoint of such a network."""
    Trainer(None, folder, replace(Config(), tasks=tasks, sharing=sharing, threads=1)).save()
    return load_checkpoint(folder / CHECKPOINT)


@pytest.fixture(autouse=True)
def _threads():
    """A trainer sets torch's number of threads for its whole process."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def begun(state, network):
    """Names of its weights that are those of the checkpoint of the same name; all fit."""
    network.load_state_dict(found := fitted(state, network))
    return {name for name, x in state["ema"].items() if name in found and torch.equal(found[name], x)}


@pytest.mark.parametrize("tasks", [("detection", "drivable"), ("lanes",), ("signs",)])
def test_heads_of_tasks_that_are_left_out_are_dropped(tmp_path, tasks):
    network = Network(tasks)
    assert begun(start(tmp_path, ALL, "hard"), network) == set(network.state_dict())


def test_heads_of_new_tasks_keep_their_own(tmp_path):
    network = Network(("detection", "lanes"))
    own = {name: x.clone() for name, x in network.heads["lanes"].state_dict().items()}
    state = start(tmp_path, ("detection",), "hard")
    assert begun(state, network) == set(state["ema"])
    assert all(torch.equal(x, own[name]) for name, x in network.heads["lanes"].state_dict().items())


@pytest.mark.parametrize(("sharing", "part"), [("encoder_decoder", "neck"), ("separate", "encoder")])
def test_a_part_of_its_own_begins_as_a_copy_of_the_shared_one(tmp_path, sharing, part):
    state, network = start(tmp_path, ALL, "hard"), Network(ALL, sharing)
    network.load_state_dict(found := fitted(state, network))
    for task in ("detection", "lanes"):
        copies = {n: x for n, x in found.items() if n.startswith(f"trunk.{part}s.{task}.")}
        shared = {n: x for n, x in state["ema"].items() if n.startswith(f"trunk.{part}.")}
        assert len(copies) == len(shared)
        assert all(torch.equal(x, shared[n.replace(f"{part}s.{task}", part)]) for n, x in copies.items())


@pytest.mark.parametrize("sharing", ["mixture", "attention"])
def test_what_a_way_to_share_adds_behind_the_neck_keeps_its_own(tmp_path, sharing):
    state = start(tmp_path, ALL, "hard")
    assert begun(state, Network(ALL, sharing)) == set(state["ema"])


def test_necks_of_new_tasks_keep_their_own(tmp_path):
    state = start(tmp_path, ("detection", "lanes"), "encoder_decoder")
    kept = begun(state, Network(("detection", "drivable"), "encoder_decoder"))
    assert kept == {name for name in state["ema"] if ".lanes." not in name}


@pytest.mark.parametrize(
    ("before", "tasks", "sharing"),
    [
        ("encoder_decoder", ALL, "hard"),
        ("mixture", ALL, "hard"),
        ("hard", ALL, "branch2"),
        ("cross_stitch", ("detection", "lanes"), "cross_stitch"),  # its shares are a table of all tasks
        ("separate", ("drivable",), "hard"),
        ("separate", ("drivable",), "separate"),  # no encoder of a task that both have
    ],
)
def test_shared_weights_that_do_not_fit_are_named(tmp_path, before, tasks, sharing):
    state = start(tmp_path, ("detection", "lanes", "signs") if tasks == ("drivable",) else ALL, before)
    with pytest.raises(DataError, match=rf"init: expected weights .* got those of sharing={before}, which"):
        fitted(state, Network(tasks, sharing))


def test_a_run_stops_before_its_first_step_if_they_do_not_fit(folder, tmp_path):
    start(tmp_path / "old", ALL, "encoder_decoder")
    config = replace(
        Config(),
        sources={"lums": 1.0},
        steps=1,
        batch=1,
        crops=1,
        size=(64, 32),
        sizes={},
        workers=0,
        threads=1,
    )
    trainer = Trainer(folder, tmp_path / "new", replace(config, init=str(tmp_path / "old" / CHECKPOINT)))
    with pytest.raises(
        DataError, match=r"Train with sharing=encoder_decoder and its tasks, detection, .*, or begin"
    ):
        trainer.run()
    assert trainer.step == 0

"""Balanced backward passes: the plain sum where nothing is balanced, and only what is shared is steered."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import replace

import numpy as np
import pytest
import torch

from perception.errors import DataError
from perception.model.network import Network
from perception.training.backward import backward, cut_off
from perception.training.balance import BALANCE
from perception.training.balance.method import OnGradients
from perception.training.objective import losses
from tests.batches import NO_BOXES, NO_CROPS, make_batch

TASKS = ("detection", "lanes", "signs", "drivable")
BATCH = make_batch()
AT = ["features", "parameters"]
LOOKING = [name for name, make in BALANCE.items() if make({}, 0).needs_gramian]
WAYS = [(name, "features") for name in BALANCE] + [(name, "parameters") for name in LOOKING]


class Ones(OnGradients):
    """Looks at gradients and does nothing about them."""

    def weights(self, losses, gramian):
        self.gramian = gramian
        return dict.fromkeys(losses, 1.0)


class Silent(Ones):
    """Takes away what is shared."""

    def weights(self, losses, gramian):
        return dict.fromkeys(losses, 0.0)


def gradients(method, at="features", batch=BATCH, sharing="hard"):
    """Name -> gradient after one backward pass, and the weights."""
    torch.manual_seed(0)
    network = Network(TASKS, sharing).train()
    network.heads["signs"].classify[0].p = 0.0  # no dropout
    with cut_off(network) if at == "features" and method.needs_gramian else nullcontext() as cut:
        found = losses(network, batch, exact=True)
    weights, _ = backward(network, found, method, cut)
    return {name: p.grad for name, p in network.named_parameters() if p.grad is not None}, weights


def same(a, b, rtol=1e-3):
    assert a.keys() == b.keys()
    for name in a:
        scale = float(b[name].abs().max()) + 1e-12
        torch.testing.assert_close(a[name], b[name], atol=rtol * scale, rtol=0, msg=name)


@pytest.mark.parametrize("at", AT)
def test_weights_of_one_give_the_plain_sum(at):
    same(gradients(Ones({}), at)[0], gradients(BALANCE["equal"]({}, 0))[0])


@pytest.mark.parametrize("sharing", ["encoder_decoder", "cross_stitch", "separate"])
def test_so_they_do_where_each_task_has_parts_of_its_own(sharing):
    plain, _ = gradients(BALANCE["equal"]({}, 0), sharing=sharing)
    same(gradients(Ones({}), "parameters", sharing=sharing)[0], plain)


def test_the_gramian_at_the_parameters_is_that_of_the_gradients():
    method = Ones({})
    gradients(method, "parameters")
    rows = []
    for task in TASKS:
        alone, _ = gradients(BALANCE["static"]({t: float(t == task) for t in TASKS}, 0))
        rows.append(torch.cat([g.flatten() for name, g in alone.items() if name.startswith("trunk.")]))
    matrix = torch.stack(rows).double()
    np.testing.assert_allclose(method.gramian, (matrix @ matrix.T).numpy(), rtol=2e-2, atol=1e-4)


@pytest.mark.parametrize("at", AT)
def test_heads_get_their_own_gradient_whatever_becomes_of_the_trunk(at):
    plain, silent = gradients(Ones({}), at)[0], gradients(Silent({}), at)[0]
    for name, gradient in silent.items():
        if name.startswith("heads."):
            torch.testing.assert_close(gradient, plain[name])
    neck = "trunk.neck.fuse.0.conv.weight"  # no sign crop gets there
    assert neck not in silent or not silent[neck].any()


def test_at_the_features_sign_crops_go_past_the_method():
    _, weights = gradients(Silent({}), "features")
    assert weights == {"detection": 0.0, "lanes": 0.0, "drivable": 0.0, "signs": 1.0}


@pytest.mark.parametrize(("name", "at"), WAYS)
def test_absent_tasks_leave_their_heads_alone(name, at):
    batch = replace(BATCH, **NO_BOXES, **NO_CROPS)
    found, weights = gradients(BALANCE[name]({}, 0), at, batch)
    assert set(weights) == {"lanes", "drivable"}
    assert {key.split(".")[1] for key in found if key.startswith("heads.")} == {"lanes", "drivable"}
    assert all(torch.isfinite(g).all() for g in found.values())


def test_features_must_be_shared_to_be_compared():
    with pytest.raises(DataError, match="balance_at=parameters"):
        gradients(Ones({}), "features", sharing="encoder_decoder")

"""Rounding as INT8 rounds: few values, small errors, whole gradients, and the same network afterwards."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from perception.model import fakequant
from perception.model.fakequant import Range, rounded
from perception.model.network import Network, normalise
from perception.training.objective import losses
from tests.batches import make_batch, trained

BATCH = make_batch()


@pytest.fixture(scope="module")
def pair():
    """A trained network and its rounding twin, ranges found."""
    network = trained()
    twin = copy.deepcopy(network)
    fakequant.attach(twin)
    with torch.no_grad():
        for _ in range(fakequant.WARM):
            losses(twin, BATCH, exact=True)
    return network, twin


def test_weights_take_255_values_a_channel_and_keep_their_largest():
    weight = torch.randn(4, 100, 3, 3) * torch.tensor([0.01, 1, 30, 0]).view(4, 1, 1, 1)
    got = rounded(weight)
    largest = weight.flatten(1).abs().amax(1)
    torch.testing.assert_close(got.flatten(1).abs().amax(1), largest)
    assert all(len(channel.unique()) <= 255 for channel in got)
    assert ((got - weight).abs().flatten(1).amax(1) <= largest / 254 + 1e-7).all()


@pytest.mark.parametrize(("low", "high"), [(0.0, 5.0), (-3.0, 1.0), (0.0, 0.0)])
def test_a_range_holds_what_it_saw_and_zero_exactly(low, high):
    levels, x = Range(), torch.linspace(low, high, 1001)
    seen = levels(x)
    assert len(seen.unique()) <= 256
    assert (seen - x).abs().max() <= (high - low) / 255 + 1e-6
    assert levels(torch.zeros(1)).item() == 0


def test_a_range_is_fixed_after_a_while():
    levels = Range()
    for _ in range(fakequant.WARM):
        levels(torch.linspace(0, 1, 100))
    assert levels(torch.tensor([7.0])).item() == pytest.approx(1.0)


@torch.no_grad()
def test_the_error_is_that_of_eight_bits(pair):
    images = normalise(BATCH.images)
    plain, twin = (network.eval()(images) for network in pair)
    for name, value in plain.items():
        noise = float((value - twin[name]).square().mean())
        assert noise > 0, name
        assert 10 * np.log10(float(value.var()) / noise) > 15, name


def test_the_same_parameters_learn_as_without_rounding(pair):
    assert learning(pair[1]) == learning(pair[0])


def learning(network):
    """Names of the parameters with a gradient, but for the norms: their statistics stand still here."""
    network = copy.deepcopy(network) if not any("forward" in vars(m) for m in network.modules()) else network
    network.train().zero_grad()
    torch.stack(list(losses(network, BATCH, exact=True).values())).sum().backward()
    found = {name for name, p in network.named_parameters() if p.grad is not None and p.grad.any()}
    return {name for name in found if ".norm" not in name}


def test_what_is_saved_is_the_plain_network(pair):
    network, twin = pair
    before, after = network.state_dict(), twin.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    fresh = Network()
    fresh.load_state_dict(after)
    torch.testing.assert_close(fresh.eval()(normalise(BATCH.images)), network.eval()(normalise(BATCH.images)))

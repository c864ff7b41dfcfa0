"""Channels are taken out of the encoder everywhere at once."""

from __future__ import annotations

import pytest
import torch

from perception.errors import BundleError, DataError
from perception.model.network import Network, normalise
from perception.model.pruned import TOWER, cut_blocks, pruned
from tests.batches import SIZE, smooth, trained

NARROW = (24, 56, 104, 136)


@torch.no_grad()
def answers(network):
    images, crops = (torch.from_numpy(smooth(2, size).transpose(0, 3, 1, 2)) for size in (SIZE, (64, 64)))
    return network(normalise(images)) | network.crops(normalise(crops))


def first(network, widths=NARROW):
    """The first channels of each block."""
    return {name: torch.arange(widths[stage]) for name, (stage, _) in cut_blocks(network).items()}


def spread(network, widths=NARROW):
    """Channels that are not the same in any two blocks."""
    counts = {name: (widths[k], block.conv.out_channels) for name, (k, block) in cut_blocks(network).items()}
    return {name: torch.randperm(of)[:count].sort().values for name, (count, of) in counts.items()}


def silence(network, kept):
    """Make what is not kept zero, for frames and for crops."""
    norms = network.heads["signs"].norms
    twins = dict(zip((name for name in cut_blocks(network) if name != TOWER), norms, strict=False))
    for name, (_, block) in cut_blocks(network).items():
        for norm in (block.norm, *([twins[name]] if name in twins else [])):
            gone = torch.ones(norm.num_features, dtype=torch.bool).index_fill(0, kept[name], False)
            norm.weight.data[gone], norm.bias.data[gone] = 0.0, -1.0
    return network


def test_a_network_that_keeps_all_answers_the_same():
    network = trained()
    before, after = answers(network), answers(pruned(network, {}))
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("choice", [first, spread])
def test_channels_that_are_always_zero_go_unnoticed(choice):
    network = trained()
    kept = choice(network)
    small = pruned(silence(network, kept), kept)
    before, after = answers(network), answers(small)
    assert small.trunk.shape.widths == NARROW
    assert all(torch.allclose(before[name], after[name], atol=1e-3, rtol=1e-4) for name in before)


def test_channels_that_are_not_zero_are_missed():
    network = trained()
    before, after = answers(network), answers(pruned(network, spread(network)))
    assert all((before[name] - after[name]).abs().max() > 1e-3 for name in before)


def test_a_network_without_signs_is_pruned_as_well():
    network = Network(["lanes", "drivable"])
    assert pruned(network, first(network)).trunk.shape.widths == NARROW


def test_blocks_of_a_stage_keep_as_many():
    network = trained()
    kept = {**first(network), "trunk.encoder.stages.1.1": torch.arange(8)}
    with pytest.raises(DataError, match=r"stage 1: expected blocks that keep the same number.* 8, 56"):
        pruned(network, kept)


def test_tasks_that_share_otherwise_are_refused():
    with pytest.raises(BundleError, match="sharing=hard"):
        pruned(Network(["lanes", "drivable"], "separate"), {})

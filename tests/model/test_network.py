"""The whole network: what it answers, and that fusing it changes nothing."""

from __future__ import annotations

import pytest
import torch

from perception.model.encoder import Encoder
from perception.model.fuse import CropNetwork, FrameNetwork, fuse
from perception.model.neck import Neck
from perception.model.network import Network, normalise
from tests.batches import make_batch, trained

SHAPES = {
    **{f"detection.scores{s}": (2, 6, 64 // s, 96 // s) for s in (8, 16, 32)},
    **{f"detection.boxes{s}": (2, 4, 64 // s, 96 // s) for s in (8, 16, 32)},
    "lanes.map": (2, 32, 8, 12),
    "lanes.edges": (2, 16, 8, 12),
    "drivable.map": (2, 16, 8, 12),
}
TASKS = ("detection", "lanes", "drivable")


@pytest.fixture(scope="module")
def network():
    return trained().double()


@pytest.fixture(scope="module")
def images():
    return normalise(make_batch().images).double()


@torch.no_grad()
def test_outputs_have_names_and_shapes(network, images):
    assert {name: tuple(x.shape) for name, x in network(images, TASKS).items()} == SHAPES


@torch.no_grad()
@pytest.mark.parametrize("task", TASKS)
def test_a_task_alone_answers_as_with_the_others(network, images, task):
    together, alone = network(images), network(images, [task])
    assert {name.partition(".")[0] for name in alone} == {task}
    for name, x in alone.items():
        torch.testing.assert_close(x, together[name])


@torch.no_grad()
def test_the_fused_network_is_the_trained_one_for_frames(network, images):
    plain = FrameNetwork(network, TASKS, list(SHAPES)).double()
    expected = network(images)
    for name, x in zip(SHAPES, plain(images), strict=True):
        torch.testing.assert_close(x, expected[name])
    assert not [m for m in plain.network.trunk.modules() if isinstance(m, torch.nn.BatchNorm2d)]


@torch.no_grad()
def test_the_fused_network_is_the_trained_one_for_crops(network):
    crops = normalise(make_batch().crops).double()
    expected = network.crops(crops)["signs.logits"]
    assert expected.shape == (3, 43)
    torch.testing.assert_close(CropNetwork(network).double()(crops), expected)


def test_fusing_leaves_the_trained_network_alone(network, images):
    before = {name: x.clone() for name, x in network.state_dict().items()}
    fuse(network)
    CropNetwork(network)
    assert all(torch.equal(x, before[name]) for name, x in network.state_dict().items())


def test_frames_and_crops_have_statistics_of_their_own():
    network, batch = Network(), make_batch()
    network.train().crops(normalise(batch.crops))
    assert not network.trunk.encoder.stem.norm.running_mean.any()
    assert network.heads["signs"].norms[0].running_mean.any()
    network(normalise(batch.images))
    assert network.trunk.encoder.stem.norm.running_mean.any()


def test_the_encoder_and_neck_take_any_widths():
    encoder = Encoder((4, 6, 8, 10), (1, 2, 1, 1))
    features = encoder(torch.zeros(1, 3, 32, 64))
    assert [tuple(x.shape[1:]) for x in features] == [(4, 8, 16), (6, 4, 8), (8, 2, 4), (10, 1, 2)]
    levels = Neck(encoder.widths, 5)(features)
    assert [tuple(x.shape[1:]) for x in levels] == [(5, 4, 8), (5, 2, 4), (5, 1, 2)]


def test_the_sign_crops_go_through_the_encoder_s_first_two_stages():
    encoder = Encoder((4, 6, 8, 10), (1, 2, 1, 1)).eval()
    x = torch.randn(1, 3, 64, 64)
    own = [block.norm for block in encoder.front_blocks()]
    torch.testing.assert_close(encoder.front(x, own), encoder(x)[1])


def test_normalised_bytes_are_what_the_input_quantiser_stores():
    x = normalise(torch.tensor([[[[116, 174, 0]]]], dtype=torch.uint8))
    assert x.tolist() == [[[[0, 1, -2]]]]

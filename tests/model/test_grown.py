"""A network that has grown says what it said, and its new channels learn."""

from __future__ import annotations

import pytest
import torch

from perception.errors import DataError
from perception.model.grown import fits, grow
from perception.model.network import Network
from perception.model.shape import Shape
from perception.model.sharing import SHARING

TASKS = ("detection", "lanes", "signs", "drivable")
NARROW = Shape(
    (8, 16, 16, 16), (1, 2, 1, 1), 32
)  # the tower of the drivable area, 32 wide, has an identity here
WIDE = Shape((16, 24, 32, 24), (1, 2, 1, 1), 64)  # and here that of the lanes, 64 wide


def networks(sharing):
    torch.manual_seed(0)
    narrow, wide = Network(TASKS, sharing, shape=NARROW), Network(TASKS, sharing, shape=WIDE)
    for value in narrow.state_dict().values():
        if value.is_floating_point() and value.ndim == 1:
            value.add_(torch.rand_like(value))  # norms that have seen something
    return narrow, wide


@torch.no_grad()
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("sharing", SHARING)
def test_it_answers_as_before(sharing, training):
    narrow, wide = (network.train(training) for network in networks(sharing))
    grow(narrow, wide)
    for module in (narrow, wide):
        for part in module.modules():
            if isinstance(part, torch.nn.Dropout):
                part.p = 0.0
    images, crops = torch.randn(2, 3, 64, 96), torch.randn(3, 3, 64, 64)
    before, after = narrow(images) | narrow.crops(crops), wide(images) | wide.crops(crops)
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, atol=1e-4, rtol=1e-4, msg=name)
    assert all(value.std() > 0 for value in before.values())


def test_new_channels_learn():
    narrow, wide = networks("hard")
    grow(narrow, wide)
    optimizer = torch.optim.SGD(wide.parameters(), 0.01)
    block, old = wide.trunk.encoder.stages[1][1], NARROW.widths[1]
    before = block.conv.weight.detach().clone()
    for _ in range(2):
        optimizer.zero_grad()
        sum(x.square().mean() for x in wide.train()(torch.randn(2, 3, 64, 96)).values()).backward()
        optimizer.step()
    changed = block.conv.weight != before
    assert changed[:old, old:].all()  # what old channels read of new ones
    assert changed[old:].any()  # what new ones read, once somebody reads them


def test_another_depth_or_fewer_channels_do_not_fit():
    assert fits(NARROW, WIDE)
    assert not fits(WIDE, NARROW)
    assert not fits(NARROW, Shape(WIDE.widths, (1, 3, 1, 1), WIDE.neck))
    wide, narrow = (Network(["drivable"], shape=shape) for shape in (WIDE, NARROW))
    with pytest.raises(DataError, match=r"expected at least \(16, 3, 4, 4\), got \(8, 3, 4, 4\)"):
        grow(wide, narrow)


def test_networks_of_other_parts_are_refused():
    with pytest.raises(DataError, match=r"the same parts, heads\.lanes\..* is in one only"):
        grow(Network(["drivable"]), Network(["drivable", "lanes"]))

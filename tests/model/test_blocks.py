"""The block: three paths that are one convolution."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional as F

from perception.model.blocks import Patchify, RepConv, down, lateral
from perception.model.fuse import plain_block


def settled(block):
    """In evaluation mode, in double precision, with statistics of its own."""
    block = block.double().eval()
    block.norm.running_mean.normal_()
    block.norm.running_var.uniform_(0.3, 2)
    torch.nn.init.normal_(block.norm.weight)
    torch.nn.init.normal_(block.norm.bias)
    return block


@pytest.mark.parametrize(("outputs", "stride"), [(6, 1), (6, 2), (4, 1)])
def test_the_block_is_the_sum_of_its_paths(outputs, stride):
    torch.manual_seed(0)
    block, x = settled(RepConv(6, outputs, stride)), torch.randn(2, 6, 8, 10).double()
    paths = F.conv2d(x, block.conv.weight, None, stride, 1)
    paths = paths + F.conv2d(x, block.point[:, :, None, None], None, stride)
    if block.identity is not None:
        paths = paths + x * block.identity[:, None, None]
    torch.testing.assert_close(block(x), F.relu(block.norm(paths)))


def test_only_a_block_that_keeps_its_shape_has_an_identity():
    assert RepConv(6, 6).identity is not None
    assert RepConv(6, 6, 2).identity is None
    assert RepConv(6, 4).identity is None


@pytest.mark.parametrize(
    "block",
    [RepConv(6, 6), RepConv(6, 9, 2), Patchify(5), lateral(6, 4), down(6, 4)],
    ids=lambda b: str(b)[:9],
)
def test_a_fused_block_is_a_plain_convolution_with_the_same_answer(block):
    block = settled(block)
    x = torch.randn(2, 3 if isinstance(block, Patchify) else 6, 16, 24).double()
    plain = plain_block(block).double()
    torch.testing.assert_close(plain(x), block(x))
    assert not [m for m in plain.modules() if isinstance(m, torch.nn.BatchNorm2d)]


def test_another_norm_replaces_the_block_s_own():
    block, other = settled(RepConv(6, 6)), settled(RepConv(6, 6)).norm
    x = torch.randn(1, 6, 8, 8).double()
    torch.testing.assert_close(plain_block(block, other).double()(x), block(x, other))
    assert not torch.allclose(block(x, other), block(x))

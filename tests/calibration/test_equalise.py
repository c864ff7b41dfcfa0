"""The same function, with channels that one scale fits."""

from __future__ import annotations

import numpy as np
import pytest

from calibration.int8 import equalise
from calibration.int8.graph import Graph, inner_network
from calibration.int8.observers import runs


def outputs(model, names, pictures):
    return [np.concatenate(parts) for parts in zip(*(v.values() for v in runs(model, names, pictures)))]  # noqa: B905


@pytest.mark.parametrize(("where", "tensors"), [("none", set()), ("first", {"a"}), ("all", {"a"})])
def test_only_channels_between_layers_move(path, pictures, where, tensors):
    """Those of b and c do not: they go through a sum, or come from one."""
    assert set(equalise.factors(inner_network(path), pictures, where)) == tensors


def test_the_network_computes_the_same(uneven, pictures):
    model = inner_network(uneven)
    changed = equalise.equalised(model, equalise.factors(model, pictures, "first"))
    before, after = (outputs(m, ["a", "lanes.map"], pictures) for m in (model, changed))
    np.testing.assert_allclose(after[1], before[1], rtol=1e-4, atol=1e-5)
    assert np.abs(after[0] - before[0]).max() > 0.1


def test_channels_come_closer_in_width(uneven, pictures):
    model = inner_network(uneven)
    changed = equalise.equalised(model, equalise.factors(model, pictures, "first"))
    spreads = [width.max() / width.min() for width in (widths(m, pictures) for m in (model, changed))]
    assert spreads[1] == pytest.approx(spreads[0] ** (1 - equalise.SHARE), rel=0.01)


def widths(model, pictures):
    (values,) = outputs(model, ["a"], pictures)
    return values.max((0, 2, 3))


def test_a_channel_that_is_always_zero_keeps_a_finite_factor(path, pictures):
    model = inner_network(path)
    for tensor in model.graph.initializer:
        if tensor.name == "stem.b":
            tensor.raw_data = (Graph(model).constants["stem.b"] - np.float32([99] + 7 * [0])).tobytes()
    factors = equalise.factors(model, pictures, "first")["a"]
    assert np.isfinite(factors).all()
    assert factors.min() > 0


def test_an_unknown_place_is_refused(model, pictures):
    with pytest.raises(ValueError, match="none, first, all, got 'last'"):
        equalise.factors(model, pictures, "last")

"""Histograms hold what went through the network."""

from __future__ import annotations

import numpy as np

from calibration.int8.observers import observe, runs

NAMES = ["a", "side.out", "lanes.map"]


def test_every_value_is_counted_once_on_its_side_of_zero(model, pictures):
    seen = observe(model, NAMES, pictures)
    values = list(runs(model, NAMES, pictures))
    for name in NAMES:
        whole = np.concatenate([value[name].ravel() for value in values])
        negative, positive = seen[name].negative, seen[name].positive
        assert (negative.counts.sum(), positive.counts.sum()) == ((whole < 0).sum(), (whole >= 0).sum())
        assert positive.most == np.abs(whole).max()
        sums = [side.counts @ side.centres for side in (positive, negative)]
        np.testing.assert_allclose(sums, [np.maximum(s * whole, 0).sum() for s in (1, -1)], rtol=1e-2)


def test_what_comes_from_a_relu_is_never_negative(model, pictures):
    assert not observe(model, ["a", "c"], pictures)["c"].negative.counts.any()

"""Which layer costs what."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from calibration.int8.scales import calibrate
from calibration.int8.sensitivity import ALL, costs, signal_to_noise
from perception.errors import BundleError
from tests.float_networks import DEEP, HEAD, SIDE, STEM


def test_noise_is_measured_against_the_spread_of_the_truth():
    truth = np.random.default_rng(0).normal(5, 2, 100_000)
    seen = truth + np.random.default_rng(1).normal(0, 0.2, truth.shape)
    assert signal_to_noise(truth, seen) == pytest.approx(20, abs=0.1)
    assert signal_to_noise(truth, truth) > 100


def test_one_layer_costs_less_than_all(path, pictures):
    found = {cost.layer: cost.worst for cost in costs(path, calibrate(path, pictures), pictures)}
    assert list(found) == [ALL, STEM, DEEP, SIDE, HEAD]
    assert all(25 < found[ALL] < found[name] < 70 for name in (STEM, DEEP, SIDE, HEAD))


def test_the_layer_with_uneven_channels_stands_out(uneven, pictures):
    """What reads the stem's channels, of which one scale fits only the widest."""
    scales = calibrate(uneven, pictures, equal="none")
    found = {cost.layer: cost.worst for cost in costs(uneven, scales, pictures)}
    assert min(found, key=found.get) == ALL
    assert max(found[DEEP], found[SIDE]) + 6 < min(found[STEM], found[HEAD])
    evened = next(costs(uneven, calibrate(uneven, pictures, equal="first"), pictures))
    assert evened.worst > found[ALL] + 3


def test_the_cost_of_a_layer_is_that_of_its_input_too(path, pictures):
    scales = calibrate(path, pictures)
    coarse = replace(scales, spans={**scales.spans, "a": (0.0, 50 * scales.spans["a"][1])})
    fine, rough = ({c.layer: c.worst for c in costs(path, s, pictures)} for s in (scales, coarse))
    assert max(rough[DEEP], rough[SIDE]) < min(fine[DEEP], fine[SIDE]) - 10
    assert rough[HEAD] == fine[HEAD]


def test_scales_of_another_network_are_refused(path, uneven, pictures):
    with pytest.raises(BundleError, match="Scales fit one network only"):
        next(costs(uneven, calibrate(path, pictures), pictures))

"""One calibration, written down, and read by whoever it fits."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from calibration.int8.methods import METHODS
from calibration.int8.scales import Scales, calibrate
from perception.errors import BundleError
from tests.batches import smooth
from tests.float_networks import SIZE


@pytest.fixture(scope="module")
def scales(path, pictures):
    return calibrate(path, pictures, left={"head": "a trial"})


@pytest.fixture
def written(scales, tmp_path):
    scales.write(tmp_path / "scales.json")
    return tmp_path / "scales.json"


def test_it_comes_back_from_the_file(scales, written):
    assert Scales.read(written) == scales
    assert scales.left == {"head": "a trial"}


def test_codes_of_a_tensor_that_cannot_be_negative(scales):
    low, high = scales.spans["a"]
    signed, shifted, spread = scales.signed("a"), scales.shifted("a"), scales.spread("a")
    assert low == 0
    assert 127 * signed.scale == pytest.approx(high)
    assert 255 * shifted.scale == pytest.approx(high)
    assert (signed.zero, shifted.zero, spread) == (0, 0, shifted)
    assert (signed.zero.dtype, shifted.zero.dtype) == (np.int8, np.uint8)


def test_codes_of_a_tensor_with_both_signs(scales):
    low, high = scales.spans["side.out"]
    signed, shifted, spread = (code("side.out") for code in (scales.signed, scales.shifted, scales.spread))
    assert (signed.scale, shifted.zero) == (shifted.scale, 128)
    assert 127 * signed.scale == pytest.approx(max(-low, high))
    codes = np.array([0, 255]) - float(spread.zero)
    assert codes * spread.scale == pytest.approx([low, high], abs=float(spread.scale))


def test_a_floor_cuts_a_span_and_unknown_names_are_left(path, pictures):
    found = calibrate(path, pictures, floors={"lanes.map": -0.01, "nose": -1}).spans
    assert found["lanes.map"][0] == -0.01
    assert "nose" not in found


@pytest.mark.parametrize("method", METHODS)
def test_every_method_keeps_no_more_than_was_seen(method, path, pictures):
    most, found = calibrate(path, pictures, "minmax").spans, calibrate(path, pictures, method).spans
    assert all(
        most[k][0] - 1e-6 <= low <= 0 <= high <= most[k][1] * 1.001 for k, (low, high) in found.items()
    )


def test_hashes_tell_networks_and_images_apart(path, uneven, pictures, scales):
    same, other = calibrate(path, pictures, left={"head": "a trial"}), calibrate(path, smooth(6, SIZE, 1))
    assert same == scales
    assert other.images != scales.images
    with pytest.raises(BundleError, match="expected the network that was calibrated, sha256"):
        scales.check(uneven)
    scales.check(path)


@pytest.mark.parametrize(
    "damage",
    [{"format": 2}, {"spans": {"a": [1, 2]}}, {"spans": {"a": [0]}}, {"factors": {"a": [0.0]}}, {"nose": 1}],
)
def test_a_file_that_is_not_whole_is_refused(written, damage):
    written.write_text(json.dumps({**json.loads(written.read_text()), **damage}))
    with pytest.raises(BundleError, match="expected the scales of a calibration"):
        Scales.read(written)


def test_no_file_and_no_method(path, pictures, tmp_path, scales):
    with pytest.raises(BundleError, match="Calibrate again"):
        Scales.read(tmp_path / "none.json")
    with pytest.raises(BundleError, match="expected a network file"):
        scales.check(tmp_path / "none.onnx")
    with pytest.raises(ValueError, match="expected a method of minmax"):
        calibrate(path, pictures, "guess")


def test_a_tensor_that_is_always_zero_has_a_step(scales):
    flat = replace(scales, spans={"a": (0.0, 0.0), "b": (-1e-6, 0.0)})
    assert all(code(name).scale > 0 for name in "ab" for code in (flat.signed, flat.shifted, flat.spread))

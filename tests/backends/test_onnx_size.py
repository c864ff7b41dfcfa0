"""Sizes are replaced in the bytes; onnx itself and onnxruntime judge the result."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from perception.backends.onnx_size import resized, size_of
from perception.backends.ort import OrtBackend
from perception.bundle import SHIPPED, read
from perception.errors import BundleError
from tests.conftest import SHAPES, SIZE


@pytest.fixture
def model(tiny_bundle) -> bytes:
    return (tiny_bundle / "network.onnx").read_bytes()


def freed(model: bytes) -> bytes:
    """The same network with names where sizes stood."""
    network = onnx.load_from_string(model)
    for name, dim in zip("hw", network.graph.input[0].type.tensor_type.shape.dim[1:3], strict=True):
        dim.dim_param = name
    for output in network.graph.output:
        output.type.tensor_type.ClearField("shape")
    return network.SerializeToString()


def test_a_file_says_its_size_or_that_it_is_free(model):
    assert size_of(model) == SIZE
    assert size_of(freed(model)) is None


def test_the_size_it_has_leaves_it_as_it_is(model):
    assert resized(model, SIZE) == model


@pytest.mark.parametrize("size", [(96, 64), (2048, 32)])
def test_only_declared_sizes_change(model, size):
    network, before = onnx.load_from_string(resized(model, size)), onnx.load_from_string(model)
    onnx.checker.check_model(onnx.shape_inference.infer_shapes(network), full_check=True)
    assert size_of(network.SerializeToString()) == size
    assert network.graph.node == before.graph.node
    assert network.graph.initializer == before.graph.initializer


def test_shapes_in_between_are_left_to_the_run_time(model):
    network = onnx.shape_inference.infer_shapes(onnx.load_from_string(model))
    assert len(network.graph.value_info)
    other = onnx.load_from_string(resized(network.SerializeToString(), (96, 64)))
    onnx.checker.check_model(other, full_check=True)
    assert not len(other.graph.value_info)


def test_a_free_file_computes_what_a_fixed_one_does(tiny_bundle, model):
    (tiny_bundle / "free.onnx").write_bytes(freed(model))
    image = np.random.default_rng(0).integers(0, 256, (1, 64, 96, 3), np.uint8)
    free, fixed = (
        OrtBackend(tiny_bundle / file, list(SHAPES), threads=1, size=(96, 64))(image)
        for file in ("free.onnx", "network.onnx")
    )
    for name in SHAPES:
        np.testing.assert_array_equal(free[name], fixed[name])


def test_a_free_file_needs_a_size(tiny_bundle, model):
    (tiny_bundle / "free.onnx").write_bytes(freed(model))
    with pytest.raises(BundleError, match="expected one input"):
        OrtBackend(tiny_bundle / "free.onnx", ["lanes.map"])


def test_the_shipped_networks_take_another_size_in_every_precision():
    spec = read(SHIPPED)
    for files in spec.files.values():
        network = onnx.load_from_string(resized((SHIPPED / files["main"]).read_bytes(), (96, 160)))
        inferred = onnx.shape_inference.infer_shapes(network, strict_mode=True, data_prop=True)
        dims = {output.name: output.type.tensor_type.shape.dim for output in inferred.graph.output}
        shapes = {name: tuple(dim.dim_value for dim in shape) for name, shape in dims.items()}
        assert shapes == {name: s for name, s in spec.shapes_at((96, 160)).items() if name in shapes}


@pytest.mark.parametrize("harm", [lambda data: data[:-7], lambda data: b"\x07", lambda data: b""])
def test_bytes_that_are_no_network(model, harm):
    with pytest.raises(BundleError, match="expected"):
        resized(harm(model), (96, 64))


def test_a_network_over_no_images(tiny_bundle):
    network = onnx.load_from_string((tiny_bundle / "network.onnx").read_bytes())
    network.graph.input[0].type.tensor_type.shape.dim.pop()
    with pytest.raises(BundleError, match=r"expected one input, \(n, h, w, 3\)"):
        resized(network.SerializeToString(), (96, 64))

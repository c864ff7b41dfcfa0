"""The FP16 file, typed; and float files whose weights are stored as float16."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, numpy_helper

from calibration.int8.graph import inner_network
from deploy.build import FILES
from deploy.half import COPIED, FIRST, store_half, to_half
from perception.errors import BundleError
from tests.float_networks import float_network


@pytest.fixture
def source(tmp_path):
    return float_network(tmp_path / "network.fp32.onnx")


def test_everything_inside_is_half(source, tmp_path):
    to_half(source, tmp_path / "half.onnx")
    model = onnx.shape_inference.infer_shapes(onnx.load(str(tmp_path / "half.onnx")), strict_mode=True)
    kinds = {value.name: value.type.tensor_type.elem_type for value in model.graph.value_info}
    assert set(kinds.values()) == {TensorProto.FLOAT16}
    ends = [*model.graph.input, *model.graph.output]
    assert {value.type.tensor_type.elem_type for value in ends} == {TensorProto.FLOAT}
    floats = [tensor.name for tensor in model.graph.initializer if tensor.data_type == TensorProto.FLOAT]
    assert len(floats) == 1, "only the scales of Resize"
    assert (tmp_path / "half.onnx").stat().st_size < 0.8 * source.stat().st_size


def test_a_weight_too_large_is_named(source, tmp_path):
    model = onnx.load(str(source))
    bias = next(tensor for tensor in model.graph.initializer if tensor.name == "deep.b")
    bias.CopyFrom(numpy_helper.from_array(np.full(8, 7e4, np.float32), "deep.b"))
    onnx.save(model, source)
    with pytest.raises(BundleError, match=r"expected weights up to 65504.* got 70000 in deep\.b"):
        to_half(source, tmp_path / "half.onnx")
    assert not (tmp_path / "half.onnx").exists()


def answers(path, images):
    session = ort.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    return session.run(None, {session.get_inputs()[0].name: images})


@pytest.fixture
def stored(exported, tmp_path):
    """`stored(kind)`: a float file, and the same with its weights stored as half."""

    def both(kind):
        before = exported / FILES["fp32"][kind]
        after = tmp_path / before.name
        after.write_bytes(before.read_bytes())
        store_half(after)
        return before, after

    return both


@pytest.mark.parametrize("kind", ["main", "signs"])
def test_stored_as_half_it_computes_in_float_with_the_rounded_weights(stored, pictures, kind, tmp_path):
    before, after = stored(kind)
    rounded = onnx.load(str(before))
    for tensor in rounded.graph.initializer:
        value = numpy_helper.to_array(tensor)
        shared = tensor.name.startswith((*FIRST, COPIED))
        if value.dtype == np.float32 and value.size >= 256 and not shared:
            exact = value.astype(np.float16).astype(np.float32)
            tensor.CopyFrom(numpy_helper.from_array(exact, tensor.name))
    onnx.save(rounded, str(tmp_path / "rounded.onnx"))
    images = pictures[kind][:1]
    for got, want in zip(answers(after, images), answers(tmp_path / "rounded.onnx", images), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5 * np.abs(want).max())
    assert after.stat().st_size < 0.75 * before.stat().st_size


def test_calibration_sees_the_same_layers(stored):
    before, after = (inner_network(path).graph for path in stored("main"))
    assert [node.op_type for node in before.node] == [node.op_type for node in after.node]
    assert {tensor.data_type for tensor in after.initializer} == {
        tensor.data_type for tensor in before.initializer
    }

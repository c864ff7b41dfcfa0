"""The FP16 file: typed, and close to float32."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, numpy_helper

from deploy.half import to_half
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

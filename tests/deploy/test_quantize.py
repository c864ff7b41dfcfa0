"""The INT8 files: close to the float ones, and in the form that runs fast."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper

from deploy import parity
from deploy.build import FILES
from perception.errors import BundleError


def values(graph):
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


def scaled(source, target, output, factor):
    """`source` with another scale for one of its outputs."""
    model = onnx.load(str(source))
    last = next(node for node in model.graph.node if output in node.output)
    stored = next(tensor for tensor in model.graph.initializer if tensor.name == last.input[1])
    copy = numpy_helper.from_array(numpy_helper.to_array(stored) * np.float32(factor), "another.scale")
    model.graph.initializer.append(copy)
    last.input[1] = "another.scale"
    onnx.save(model, str(target))


@pytest.fixture
def files(exported, tmp_path):
    """A copy of the exported files, free to be damaged."""
    for path in exported.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    return tmp_path


def test_every_output_agrees_with_the_float_network(exported, pictures):
    agreement = parity.check(exported, FILES, pictures)
    assert len(agreement) == 9
    assert min(agreement.values()) > 15


@pytest.mark.parametrize("output", ["lanes.map", "detection.boxes16", "signs.logits"])
def test_an_output_that_lost_its_scale_is_named(files, pictures, output):
    path = files / FILES["int8"]["signs" if output.startswith("signs") else "main"]
    scaled(path, path, output, 3.0)
    with pytest.raises(BundleError, match=f"within {parity.LIMIT} dB of the float ones, got {{'{output}'"):
        parity.check(files, FILES, pictures)


@pytest.mark.parametrize("kind", ["main", "signs"])
def test_the_input_quantiser_is_the_normalisation(exported, kind):
    graph = onnx.load(str(exported / FILES["int8"][kind])).graph
    found = values(graph)
    name = graph.input[0].name
    (front,) = (node for node in graph.node if name in node.input)
    (back,) = (node for node in graph.node if f"{name}.normal" in node.input)
    assert (front.op_type, back.op_type) == ("DequantizeLinear", "QuantizeLinear")
    for node in (front, back):
        scale, zero = found[node.input[1]], found[node.input[2]]
        assert (scale, zero, zero.dtype) == (np.float32(1 / 58), 116, np.uint8)


@pytest.mark.parametrize("kind", ["main", "signs"])
def test_the_bytes_enter_the_first_convolution_as_they_are(exported, kind, tmp_path):
    options = ort.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.log_severity_level = 3
    ort.InferenceSession(str(exported / FILES["int8"][kind]), options, providers=["CPUExecutionProvider"])
    kinds = [node.op_type for node in onnx.load(str(tmp_path / "optimised.onnx")).graph.node]
    before = kinds[: kinds.index("QLinearConv")]
    assert set(before) <= {"Transpose"}
    assert "Conv" not in kinds


def test_weights_are_signed_and_activations_are_not(exported):
    graph = onnx.load(str(exported / FILES["int8"]["main"])).graph
    found = values(graph)
    kernels = [value for value in found.values() if value.ndim == 4]
    assert {kernel.dtype for kernel in kernels} == {np.dtype(np.int8)}
    activations = [node for node in graph.node if node.op_type == "QuantizeLinear"]
    assert {found[node.input[2]].dtype for node in activations} == {np.dtype(np.uint8)}
    channels = {len(found[n.input[1]].reshape(-1)) for n in graph.node if n.input[0].endswith("_quantized")}
    assert {32, 64, 128, 144} <= channels  # a scale a channel

"""What TensorRT would refuse is refused before it is tried, with what to do."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from calibration.int8.graph import Graph, inner_network
from calibration.int8.pairs import Code, with_pairs
from calibration.int8.plan import plan
from calibration.int8.scales import calibrate
from deploy import legality
from deploy.quantize import for_cpu, for_tensorrt, normalised_input
from perception.bundle import SHIPPED
from perception.errors import BundleError
from tests.batches import smooth
from tests.float_networks import SIZE, float_network


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    source = float_network(folder / "network.fp32.onnx")
    scales = calibrate(source, smooth(4, SIZE))
    for_tensorrt(source, scales, folder / "trt.onnx")
    for_cpu(source, scales, folder / "cpu.onnx")
    return folder


@pytest.fixture
def model(made):
    return onnx.load(str(made / "trt.onnx"))


def node(model, name):
    return next(node for node in model.graph.node if node.name == name)


def store(model, name, value):
    kept = [tensor for tensor in model.graph.initializer if tensor.name != name]
    del model.graph.initializer[:]
    model.graph.initializer.extend([*kept, numpy_helper.from_array(np.asarray(value), name)])


def pair(model, name, after):
    """Round tensor `name`, the output of `after`, for all that read it."""
    for reader in model.graph.node:
        reader.input[:] = [f"{name}.r" if i == name else i for i in reader.input]
    constants = ["a.scale", "a.zero"]
    nodes = list(model.graph.node)
    at = nodes.index(node(model, after)) + 1
    nodes[at:at] = [
        helper.make_node("QuantizeLinear", [name, *constants], [f"{name}.q"], "extra.quantize"),
        helper.make_node("DequantizeLinear", [f"{name}.q", *constants], [f"{name}.r"], "extra.read"),
    ]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def zero_point(model):
    store(model, "a.zero", np.int8(3))


def unsigned(model):
    store(model, "a.zero", np.uint8(0))


def no_zero_point(model):
    del node(model, "a.quantize").input[2]


def whole_bias(model):
    store(model, "bias", np.zeros(8, np.int32))
    store(model, "bias.scale", np.ones(8, np.float32))
    model.graph.node.insert(
        0, helper.make_node("DequantizeLinear", ["bias", "bias.scale"], ["bias.r"], "bias")
    )
    node(model, "deep").input[2] = "bias.r"


def computed_scale(model):
    store(model, "one", np.float32(1))
    model.graph.node.insert(0, helper.make_node("Mul", ["a.scale", "one"], ["made"], "mul"))
    node(model, "a.quantize").input[1] = "made"


def zero_scale(model):
    store(model, "a.scale", np.float32(0))


def scale_a_channel(model):
    store(model, "a.scale", np.ones(8, np.float32))


def before_relu(model):
    pair(model, "a.linear", "stem")


def both_sides(model):
    pair(model, "side.out", "side")


def no_skip(model):
    node(model, "add").input[1] = "b.up"


def at_output(model):
    last = node(model, "head")
    last.output[0] = "inner"
    pair(model, "inner", "head")
    node(model, "extra.read").output[0] = "lanes.map"


def half_a_layer(model):
    node(model, "deep").input[0] = "a"


def float_weights(model):
    store(model, "deep.float", np.ones((8, 8, 3, 3), np.float32))
    node(model, "deep").input[1] = "deep.float"


def old_opset(model):
    model.opset_import[0].version = 12


def foreign_operator(model):
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))


def integer_operator(model):
    node(model, "deep").op_type = "QLinearConv"


def bytes_in(model):
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.UINT8


def free_batch(model):
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"


FAULTS = {
    zero_point: "QuantizeLinear a.quantize: expected zero point 0, got 3; quantise symmetrically",
    unsigned: "expected int8 codes, got uint8; use the file for TensorRT, not that for the CPU",
    no_zero_point: "expected int8 codes, got uint8, which no zero point means",
    whole_bias: "Conv deep: expected a float32 bias, got a quantised one; leave biases in float32",
    computed_scale: "expected a constant scale, got the computed made; freeze scales",
    zero_scale: "expected scales above 0, got 0",
    scale_a_channel: "expected one scale for an activation, got 8 scales",
    before_relu: "expected no pair between Conv and ReLU, got one before Relu stem.relu",
    both_sides: "Add add: expected a pair at the skip input only, got pairs at both inputs",
    no_skip: "Add add: expected a pair at the input that does not come from the fused convolution, got none",
    at_output: "expected outputs in float, got a pair before an output",
    half_a_layer: "Conv deep: expected input and weights rounded, or neither, got a rounded weights",
    float_weights: "Conv deep: expected input and weights rounded, or neither, got a rounded input",
    old_opset: "the model: expected opset 13 to 21, got 12",
    foreign_operator: "expected operators of ONNX only, got the domain 'com.microsoft'",
    integer_operator: "expected float operators between QuantizeLinear and DequantizeLinear, got QLinearConv",
    bytes_in: "input image: expected float32 or float16, got uint8",
    free_batch: "input image: expected a fixed shape, got ['n', 3, 32, 48]; fix the batch",
}


def test_the_file_for_tensorrt_is_legal(model):
    assert legality.faults(model) == []
    legality.check(model, "good.onnx")


@pytest.mark.parametrize("spoil", FAULTS, ids=lambda spoil: spoil.__name__)
def test_a_planted_fault_is_named(model, spoil):
    spoil(model)
    found = [str(fault) for fault in legality.faults(model)]
    assert any(FAULTS[spoil] in text for text in found), found


@pytest.mark.parametrize("file", ["network.fp32.onnx", "signs.fp32.onnx"])
def test_any_layer_may_be_left_in_float(file):
    model = inner_network(SHIPPED / file)
    graph = Graph(model)
    for layer in plan(graph).layers:
        chosen = plan(graph, {layer: "a trial"})
        codes = dict.fromkeys(chosen.trt, Code(np.float32(0.1), np.int8(0)))
        made = normalised_input(with_pairs(model, codes, chosen.layers), 1)
        assert [str(fault) for fault in legality.faults(made, {layer})] == []


def test_the_file_for_the_cpu_is_refused_and_the_message_is_short(made):
    with pytest.raises(
        BundleError, match=r"^cpu\.onnx: TensorRT would refuse.*uint8.*\(and \d+ more\)$"
    ) as got:
        legality.check(onnx.load(str(made / "cpu.onnx")), "cpu.onnx")
    assert len(str(got.value)) < 1200

"""Where the network is rounded: once on the way into a sum for TensorRT, everywhere for a CPU."""

from __future__ import annotations

import onnx
import pytest

from calibration.int8.graph import Graph, inner_network
from calibration.int8.plan import plan
from perception.errors import BundleError
from tests.float_networks import DEEP, HEAD, SIDE, STEM
from tests.networks import sign_network


def test_tensorrt_rounds_inputs_of_layers_and_the_skip_side_of_a_sum(model):
    assert plan(Graph(model)).trt == ("image.normal", "a", "b.up", "c")
    assert plan(Graph(model)).layers == (STEM, DEEP, SIDE, HEAD)


def test_a_cpu_rounds_what_goes_in_and_out_of_everything(model):
    chosen = plan(Graph(model))
    assert set(chosen.cpu) == {*chosen.trt, "b", "side.out", "lanes.map"}


def test_a_layer_left_in_float_needs_no_rounded_input(model):
    chosen = plan(Graph(model), {DEEP: "a trial", SIDE: "a trial"})
    assert chosen.layers == (STEM, HEAD)
    assert "a" not in chosen.trt
    assert "side.out" in chosen.trt  # no longer fused with the sum


def test_a_layer_that_is_not_there_is_named(model):
    with pytest.raises(BundleError, match=r"expected layers of deep, head, side, stem .* got nose"):
        plan(Graph(model), {"nose": ""})


def test_of_two_layers_that_are_added_one_is_rounded(model):
    """A sum is fused with one layer; what the other one adds is read from memory."""
    other = onnx.NodeProto()
    other.CopyFrom(next(node for node in model.graph.node if node.name == SIDE))
    other.name, other.output[0] = "other", "other.out"
    model.graph.node.insert(2, other)
    next(node for node in model.graph.node if node.name == "add").input[1] = "other.out"
    assert {"side.out", "other.out"} & set(plan(Graph(model)).trt) == {"side.out"}


def test_a_resize_that_blends_makes_values_of_its_own(model):
    node = next(node for node in model.graph.node if node.op_type == "Resize")
    next(a for a in node.attribute if a.name == "mode").s = b"linear"
    assert Graph(model).origin("b.up") == "b.up"


def test_what_is_known_of_values(model):
    graph = Graph(model)
    assert {name for name in graph.makers if graph.positive(name)} == {"a", "b", "b.up", "c"}
    assert (graph.origin("b.up"), graph.origin("sum")) == ("b", "sum")


def test_a_file_without_the_byte_front_is_refused(tmp_path):
    sign_network(tmp_path / "signs.onnx", 43)
    with pytest.raises(
        BundleError, match=r"begins with DequantizeLinear and Transpose.* got Cast, Transpose"
    ):
        inner_network(tmp_path / "signs.onnx")
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(BundleError, match="expected an ONNX network"):
        inner_network(tmp_path / "text.onnx")

"""Small ONNX networks with the inputs and outputs of real ones."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def main_network(path: Path, size: tuple[int, int], outputs: Mapping[str, tuple[int, ...]]) -> None:
    """A convolution, and two more for each output, named `<output>.a` and `<output>.b`."""
    nodes = [*_input_nodes(), _conv("encoder", "x", "features", 4)]
    weights = [_weights("encoder", 3, 4, 4)]
    for name, shape in outputs.items():
        stride, channels = size[1] // 4 // shape[2], shape[1]
        grow = _conv(f"{name}.a", "features", f"{name}.hidden", stride)
        nodes += [grow, helper.make_node("Conv", [f"{name}.hidden", f"{name}.b.w"], [name], f"{name}.b")]
        weights += [_weights(f"{name}.a", 4, 4, stride), _weights(f"{name}.b", 4, channels, 1)]
    _save(path, nodes, weights, (1, size[1], size[0], 3), outputs)


def sign_network(path: Path, classes: int, weight: float = 1.0) -> None:
    """The mean blue, green and red, times `weight`, are the logits of the first three classes."""
    nodes = [
        *_input_nodes(),
        helper.make_node("GlobalAveragePool", ["x"], ["mean"], "pool"),
        helper.make_node("Flatten", ["mean"], ["flat"], "flatten"),
        helper.make_node("Gemm", ["flat", "matrix"], ["signs.logits"], "gemm"),
    ]
    matrix = numpy_helper.from_array(np.float32(weight) * np.eye(3, classes, dtype=np.float32), "matrix")
    _save(path, nodes, [matrix], ("n", 64, 64, 3), {"signs.logits": ("n", classes)})


def _input_nodes() -> list[onnx.NodeProto]:
    return [
        helper.make_node("Cast", ["image"], ["float"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["x"], "transpose", perm=[0, 3, 1, 2]),
    ]


def _conv(name: str, source: str, target: str, stride: int) -> onnx.NodeProto:
    return helper.make_node("Conv", [source, f"{name}.w"], [target], name, strides=[stride, stride])


def _weights(name: str, inputs: int, outputs: int, kernel: int) -> onnx.TensorProto:
    values = np.random.default_rng(0).normal(0, 0.1, (outputs, inputs, kernel, kernel))
    return numpy_helper.from_array(values.astype(np.float32), f"{name}.w")


def _save(path: Path, nodes: list, weights: list, shape: tuple, outputs: Mapping[str, tuple]) -> None:
    image = helper.make_tensor_value_info("image", TensorProto.UINT8, shape)
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in outputs.items()]
    graph = helper.make_graph(nodes, "tiny", [image], ends, weights)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)

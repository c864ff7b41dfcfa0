"""From a float network and one calibration to two INT8 files.

`for_tensorrt`: int8 with zero at code 0, input float32 NCHW normalised. `for_cpu`: for onnxruntime on x86,
uint8 activations, input the camera's bytes. Both have the same int8 weights, a scale a channel, and keep the
same spans of values. What differs follows from the two formats:

- A tensor that cannot be negative (after ReLU) fills codes 0 to 127 of int8 and 0 to 255 of uint8: the CPU's
  steps are half as wide. Other tensors have the same steps in both, with zero at code 0 or at 128.
- onnxruntime computes in integers only between two pairs, so it has some where TensorRT must not: behind a
  convolution that is added to something, and at the outputs. There the 256 codes cover the tensor's own span.
- The camera's bytes are exact codes of the CPU file's input. TensorRT's input has the step 139/58/127.
- Biases are float32 for TensorRT, which refuses others, and int32 of the products' scale for onnxruntime.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from calibration.int8.equalise import equalised
from calibration.int8.graph import INNER, Graph, inner_network
from calibration.int8.pairs import Code, with_pairs
from calibration.int8.plan import Plan, plan
from calibration.int8.scales import BYTE, Scales
from deploy import legality
from perception.sinks.files import write_whole


def for_tensorrt(source: Path, scales: Scales, target: Path, batch: int = 1) -> None:
    """Write the INT8 twin of the exported float network `source` for TensorRT; a free batch becomes `batch`.

    Raises BundleError if `scales` are those of another network, or if TensorRT would refuse the result.
    """
    ready = _ready(source, scales)
    codes = {name: scales.signed(ready.graph.origin(name)) for name in ready.plan.trt}
    model = normalised_input(with_pairs(ready.model, codes, ready.plan.layers), batch)
    legality.check(model, str(source), scales.left)
    write_whole(target, model.SerializeToString())


def for_cpu(source: Path, scales: Scales, target: Path) -> None:
    """Write the INT8 twin of the exported float network `source` for onnxruntime on x86.

    Raises BundleError if `scales` are those of another network.
    """
    ready = _ready(source, scales)
    codes = {name: _cpu_code(name, ready, scales) for name in ready.plan.cpu}
    model = with_pairs(ready.model, codes, ready.plan.layers, whole_bias=True)
    write_whole(target, _byte_input(model).SerializeToString())


class _Ready(NamedTuple):
    """A float network, equalised, and what is to be rounded in it."""

    model: onnx.ModelProto
    graph: Graph
    plan: Plan


def _ready(source: Path, scales: Scales) -> _Ready:
    scales.check(source)
    model = equalised(inner_network(source), scales.factors)
    graph = Graph(model)
    return _Ready(model, graph, plan(graph, scales.left))


def _cpu_code(name: str, ready: _Ready, scales: Scales) -> Code:
    if name in ready.graph.inputs:
        return BYTE
    origin = ready.graph.origin(name)
    return scales.shifted(origin) if name in ready.plan.trt else scales.spread(origin)


def normalised_input(model: onnx.ModelProto, batch: int) -> onnx.ModelProto:
    """Give the normalised float32 NCHW input of an inner network the file's name, and every batch a size."""
    graph = model.graph
    inner = graph.input[0].name
    for node in graph.node:
        node.input[:] = [name.removesuffix(INNER) if name == inner else name for name in node.input]
    graph.input[0].name = inner.removesuffix(INNER)
    for value in (*graph.input, *graph.output):
        first = value.type.tensor_type.shape.dim[0]
        if first.dim_param:
            first.dim_value = batch
    del graph.value_info[:]
    onnx.checker.check_model(model, full_check=True)
    return model


def _byte_input(model: onnx.ModelProto) -> onnx.ModelProto:
    """Put the byte front before an inner network: of its first pair's scale, so onnxruntime folds both."""
    graph = model.graph
    inner = graph.input[0].name
    name = inner.removesuffix(INNER)
    front = [
        helper.make_node("DequantizeLinear", _byte_constants(name, graph), [f"{name}.float"]),
        helper.make_node("Transpose", [f"{name}.float"], [inner], perm=[0, 3, 1, 2]),
    ]
    nodes: Sequence[onnx.NodeProto] = [*front, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    n, c, h, w = (d.dim_value or d.dim_param for d in graph.input[0].type.tensor_type.shape.dim)
    graph.input[0].CopyFrom(helper.make_tensor_value_info(name, TensorProto.UINT8, [n, h, w, c]))
    onnx.checker.check_model(model, full_check=True)
    return model


def _byte_constants(name: str, graph: onnx.GraphProto) -> list[str]:
    """The image, and the names of the scale and zero point of its bytes, which are stored in the graph."""
    values = {f"{name}.scale": BYTE.scale, f"{name}.zero": BYTE.zero}
    graph.initializer.extend(numpy_helper.from_array(np.asarray(v), key) for key, v in values.items())
    return [name, *values]

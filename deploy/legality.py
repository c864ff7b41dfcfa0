"""Will TensorRT take this INT8 file? The rules of explicit quantisation, checked without TensorRT.

From NVIDIA's developer guide ("Working with Quantized Types", "Q/DQ Layer-Placement Recommendations") for 8.6
to 11, and from what TensorRT for RTX refuses. Types, zero points and scales that are wrong would be refused
by its parser or builder. Pairs in wrong places would be built and run slowly: in float what was to be INT8.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto

from calibration.int8.graph import Graph
from perception.errors import BundleError

OPSETS = range(13, 22)  # per-channel scales begin with 13, and TensorRT 8.6 to 11 read these
QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"
WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul")
SHOWN = 5  # faults in a message


@dataclass(frozen=True)
class Fault:
    """One rule broken at one node."""

    node: str
    expected: str
    got: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.node}: expected {self.expected}, got {self.got}; {self.remedy}"


def check(model: onnx.ModelProto, name: str, left: Collection[str] = ()) -> None:
    """Raises BundleError with the first faults. `name`: of the file, to be told. `left`: see `faults`."""
    found = faults(model, left)
    if found:
        more = f" (and {len(found) - SHOWN} more)" if len(found) > SHOWN else ""
        listed = ". ".join(map(str, found[:SHOWN]))
        raise BundleError(f"{name}: TensorRT would refuse this INT8 network or run it slowly. {listed}{more}")


def faults(model: onnx.ModelProto, left: Collection[str] = ()) -> list[Fault]:
    """All of them, in the order of the network. `left`: layers that are in float on purpose."""
    graph = Graph(model)
    found = [*_opset_faults(model), *_input_faults(model)]
    for node in graph.nodes:
        for rule in RULES:
            found.extend(rule(graph, node))
        found.extend(_sum_faults(graph, node, left))
        if node.name not in left:
            found.extend(_layer_faults(graph, node))
    return found


def _opset_faults(model: onnx.ModelProto) -> Iterator[Fault]:
    for opset in model.opset_import:
        if opset.domain not in ("", "ai.onnx"):
            yield Fault(
                "the model",
                "operators of ONNX only",
                f"the domain {opset.domain!r}",
                "quantise with QDQ format, not QOperator",
            )
        elif opset.version not in OPSETS:
            yield Fault(
                "the model",
                f"opset {OPSETS.start} to {OPSETS.stop - 1}",
                f"{opset.version}",
                "export with opset 17",
            )


def _input_faults(model: onnx.ModelProto) -> Iterator[Fault]:
    for value in model.graph.input:
        kind, dims = value.type.tensor_type.elem_type, value.type.tensor_type.shape.dim
        if kind not in (TensorProto.FLOAT, TensorProto.FLOAT16):
            got = TensorProto.DataType.Name(kind).lower()
            yield Fault(
                f"input {value.name}",
                "float32 or float16",
                got,
                "write it with deploy.quantize.for_tensorrt, which takes normalised images",
            )
        if not all(dim.dim_value for dim in dims):
            got = str([dim.dim_value or dim.dim_param for dim in dims])
            yield Fault(f"input {value.name}", "a fixed shape", got, "fix the batch")


def _operator_faults(graph: Graph, node: onnx.NodeProto) -> Iterator[Fault]:
    if node.op_type.startswith(("QLinear", "DynamicQuantize", "ConvInteger", "MatMulInteger")):
        yield Fault(
            _named(node),
            "float operators between QuantizeLinear and DequantizeLinear",
            node.op_type,
            "quantise with QDQ format",
        )


def _scale_faults(graph: Graph, node: onnx.NodeProto) -> Iterator[Fault]:
    if node.op_type not in (QUANTIZE, DEQUANTIZE):
        return
    scale = graph.constants.get(node.input[1])
    if scale is None:
        yield Fault(
            _named(node), "a constant scale", f"the computed {node.input[1]}", "freeze scales, then export"
        )
    elif not (np.isfinite(scale).all() and (scale > 0).all()):
        yield Fault(_named(node), "scales above 0", f"{float(np.min(scale)):g}", "calibrate on other images")
    elif scale.size > 1 and not _is_weight(graph, node):
        yield Fault(
            _named(node),
            "one scale for an activation",
            f"{scale.size} scales",
            "only weights may have a scale a channel",
        )


def _zero_faults(graph: Graph, node: onnx.NodeProto) -> Iterator[Fault]:
    if node.op_type not in (QUANTIZE, DEQUANTIZE):
        return
    name = node.input[2] if len(node.input) > 2 else ""
    zero = graph.constants.get(name)
    if zero is None:
        if name:
            yield Fault(_named(node), "a constant zero point", f"the computed {name}", "freeze zero points")
        elif node.op_type == QUANTIZE:
            yield Fault(
                _named(node), "int8 codes", "uint8, which no zero point means", "store an int8 zero point"
            )
        return
    if zero.dtype != np.int8:
        yield Fault(
            _named(node),
            "int8 codes",
            f"{zero.dtype}",
            "use the file for TensorRT, not that for the CPU"
            if zero.dtype == np.uint8
            else "leave biases in float32",
        )
    elif zero.any():
        yield Fault(
            _named(node),
            "zero point 0",
            f"{int(zero.flat[np.flatnonzero(zero)[0]])}",
            "quantise symmetrically",
        )


def _code_faults(graph: Graph, node: onnx.NodeProto) -> Iterator[Fault]:
    """Codes that are stored: weights."""
    codes = graph.constants.get(node.input[0]) if node.op_type == DEQUANTIZE else None
    if codes is not None and codes.dtype != np.int8 and len(node.input) < 3:
        yield Fault(_named(node), "stored codes in int8", f"{codes.dtype}", "leave biases in float32")


def _pair_faults(graph: Graph, node: onnx.NodeProto) -> Iterator[Fault]:
    """A pair must not break what TensorRT fuses: a layer, the sum behind it and the ReLU behind that."""
    if node.op_type != QUANTIZE or node.input[0] not in graph.makers:
        return
    maker = graph.makers[node.input[0]]
    readers = [reader for name in _read_as(graph, node) for reader in graph.readers[name]]
    for reader in readers:
        if reader.op_type == "Relu" and maker.op_type in (*WEIGHTED, "Add"):
            yield Fault(
                _named(node),
                f"no pair between {maker.op_type} and ReLU",
                f"one before {_named(reader)}",
                "round behind the ReLU",
            )
    if any(name in graph.outputs for name in _read_as(graph, node)):
        yield Fault(
            _named(node), "outputs in float", "a pair before an output", "leave the outputs unrounded"
        )


def _sum_faults(graph: Graph, node: onnx.NodeProto, left: Collection[str]) -> Iterator[Fault]:
    """Of a sum one input comes straight from a layer, which it is fused with, and the other is rounded.

    A layer of `left` is fused with none: what it adds is rounded, too.
    """
    if node.op_type != "Add" or set(node.input) & set(graph.constants):
        return
    rounded = [_rounded(graph, name) for name in node.input]
    fusable = [_fusable(graph, name, left) for name in node.input]
    if all(rounded) and any(_fusable(graph, _before_pair(graph, name), left) for name in node.input):
        yield Fault(
            _named(node),
            "a pair at the skip input only",
            "pairs at both inputs",
            "remove that behind the convolution",
        )
    if any(fusable) and not any(rounded):
        yield Fault(
            _named(node),
            "a pair at the input that does not come from the fused convolution",
            "none",
            "round the skip input, or the sum is computed in float",
        )


def _layer_faults(graph: Graph, node: onnx.NodeProto) -> Iterator[Fault]:
    """A layer is in INT8 with both its input and its weights, or with neither; its bias is float."""
    if node.op_type not in WEIGHTED or len(node.input) < 2:
        return
    data, weight = (_rounded(graph, name) for name in node.input[:2])
    if data != weight:
        which = ("input", "weights") if data else ("weights", "input")
        yield Fault(
            _named(node),
            "input and weights rounded, or neither",
            f"a rounded {which[0]} and float {which[1]}",
            "round both",
        )
    if len(node.input) > 2 and _rounded(graph, node.input[2]):
        yield Fault(_named(node), "a float32 bias", "a quantised one", "leave biases in float32")


RULES = (
    _operator_faults,
    _scale_faults,
    _zero_faults,
    _code_faults,
    _pair_faults,
)


def _named(node: onnx.NodeProto) -> str:
    return f"{node.op_type} {node.name or node.output[0]}"


def _rounded(graph: Graph, name: str) -> bool:
    maker = graph.makers.get(name)
    return maker is not None and maker.op_type == DEQUANTIZE


def _read_as(graph: Graph, quantize: onnx.NodeProto) -> list[str]:
    """What the codes of a QuantizeLinear are read as."""
    readers = graph.readers[quantize.output[0]]
    return [reader.output[0] for reader in readers if reader.op_type == DEQUANTIZE]


def _before_pair(graph: Graph, name: str) -> str:
    """The tensor that a pair rounds to `name`; `name` itself if there is none."""
    read = graph.makers.get(name)
    written = graph.makers.get(read.input[0]) if read is not None and read.op_type == DEQUANTIZE else None
    return written.input[0] if written is not None and written.op_type == QUANTIZE else name


def _fusable(graph: Graph, name: str, left: Collection[str]) -> bool:
    maker = graph.makers.get(name)
    if maker is None or maker.op_type not in WEIGHTED or maker.name in left:
        return False
    return len(graph.readers[name]) == 1


def _is_weight(graph: Graph, node: onnx.NodeProto) -> bool:
    """Are these the codes of stored numbers?"""
    if node.input[0] in graph.constants:
        return True
    maker = graph.makers.get(node.input[0])
    return maker is not None and maker.op_type == QUANTIZE and maker.input[0] in graph.constants

"""A head for a new task, put into the files of a network whose old part stays as it is.

The head reads what the old network has already rounded: in INT8 files the codes of a tensor with a pair of
QuantizeLinear and DequantizeLinear. A runtime fuses up to that pair whoever reads it, so every old node is
computed as before. A tensor in the midst of what is fused (a convolution before its ReLU) would not do: as an
output, or with a second reader, it forces the convolution into float, and old answers change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from calibration.int8.pairs import Code, with_pairs
from perception.backends.onnx_cut import cut
from perception.errors import BundleError
from perception.types import Size

NECK = "/network/trunk/neck/fuse.{0}/fuse.{0}.1/Relu_output_0"
TAPS = {  # stride -> features that all heads share
    4: "/network/trunk/encoder/stages.0.0/stages.0.0.1/Relu_output_0",
    8: NECK.format(0),
    16: NECK.format(1),
    32: NECK.format(2),
}
CODES, ROUNDED = ".codes", ".rounded"


@dataclass(frozen=True, eq=False)
class Head:
    """Weights of an added head, and what its tensors span."""

    name: str
    output: str
    weights: Mapping[str, np.ndarray]  # tower.weight, tower.bias, out.weight, out.bias
    spans: Mapping[str, tuple[float, float]]  # of `hidden` and `out`

    def float_model(self, tap: str, size: Size) -> onnx.ModelProto:
        """On its own: `tap` in, `output` out; size: (width, height) in cells."""
        own = f"added.{self.name}"
        parts = [f"{own}.{part}" for part in self.weights]
        inputs, outputs = self.weights["tower.weight"].shape[1], len(self.weights["out.bias"])
        nodes = [
            helper.make_node("Conv", [tap, *parts[:2]], [f"{own}.sum"], f"{own}.tower", pads=[1] * 4),
            helper.make_node("Relu", [f"{own}.sum"], [f"{own}.hidden"], f"{own}.relu"),
            helper.make_node("Conv", [f"{own}.hidden", *parts[2:]], [self.output], f"{own}.out"),
        ]
        stored = [
            numpy_helper.from_array(value.astype(np.float32), part)
            for part, value in zip(parts, self.weights.values(), strict=True)
        ]
        ends = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, size[1], size[0]])
            for name, channels in ((tap, inputs), (self.output, outputs))
        ]
        graph = helper.make_graph(nodes, own, ends[:1], ends[1:], stored)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def grafted(model: onnx.ModelProto, head: Head, stride: int, size: Size, precision: str) -> onnx.ModelProto:
    """The network of a file with one head more; `size`: (width, height) of its input.

    Raises BundleError if the network has no features that all tasks share.
    """
    tap = tap_of(model, stride, precision)
    cells = size[0] // stride, size[1] // stride
    part = head.float_model(tap, cells)
    if precision != "fp32":
        part = with_pairs(part, _codes(model, head, tap, precision), _layers(part), precision == "int8")
    joined = onnx.ModelProto()
    joined.CopyFrom(model)
    graph = joined.graph
    made = {name for node in graph.node for name in node.output}
    graph.node.extend(node for node in part.graph.node if not set(node.output) & made)
    stored = {tensor.name for tensor in graph.initializer}
    graph.initializer.extend(tensor for tensor in part.graph.initializer if tensor.name not in stored)
    graph.output.extend(part.graph.output)
    onnx.checker.check_model(joined)
    return joined


def tap_of(model: onnx.ModelProto, stride: int, precision: str) -> str:
    """The tensor of the shared features at `stride`. Raises BundleError: there is none."""
    made = {name for node in model.graph.node for name in node.output}
    tap = TAPS[stride]
    if (tap if precision == "fp32" else tap + CODES) not in made:
        raise BundleError(
            f"expected a network whose tasks share one encoder and neck (sharing=hard), got one without the "
            f"features {tap} in {precision}. Train with --set sharing=hard, and export"
        )
    return tap


def part_of(model: bytes, outputs: Sequence[str]) -> onnx.ModelProto:
    """The network with only `outputs`, and the nodes and constants that they need. Raises BundleError."""
    made = onnx.load_from_string(cut(model, outputs))
    read = {name for node in made.graph.node for name in node.input}
    stored = made.graph.initializer
    for k in reversed(range(len(stored))):
        if stored[k].name not in read:
            del stored[k]
    return made


def same_part(before: bytes, after: bytes, outputs: Sequence[str]) -> bool:
    """Do both files hold the same nodes and constants for `outputs`?"""
    return _pieces(part_of(before, outputs)) == _pieces(part_of(after, outputs))


def check_part(before: Path, after: Path, outputs: Sequence[str]) -> None:
    """Raises BundleError if the files hold different nodes or constants for `outputs`."""
    if not same_part(before.read_bytes(), after.read_bytes(), outputs):
        raise BundleError(
            f"{before}: expected a new file with the same nodes and constants for {', '.join(outputs)}, "
            "got others; nothing is written. Export the bundle again with this version of perception"
        )


def _pieces(model: onnx.ModelProto) -> list[bytes]:
    graph = model.graph
    parts = (*graph.node, *graph.initializer, *graph.input, *graph.output)
    return [part.SerializeToString() for part in parts]


def code_of(model: onnx.ModelProto, tap: str) -> Code:
    """How a tensor of an INT8 file is rounded."""
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    scale, zero = (numpy_helper.to_array(stored[f"{tap}.{part}"])[()] for part in ("scale", "zero"))
    return Code(np.float32(scale), zero)


def _codes(model: onnx.ModelProto, head: Head, tap: str, precision: str) -> dict[str, Code]:
    (_, high), (low, top) = head.spans["hidden"], head.spans["out"]
    hidden = f"added.{head.name}.hidden"
    if precision == "trt.int8":
        return {tap: code_of(model, tap), hidden: Code(np.float32(max(high, 1e-6) / 127), np.int8(0))}
    step = np.float32(max(top - low, 1e-6) / 255)
    ends = Code(step, np.uint8(np.clip(round(-low / float(step)), 0, 255)))
    return {
        tap: code_of(model, tap),
        hidden: Code(np.float32(max(high, 1e-6) / 255), np.uint8(0)),
        head.output: ends,
    }


def _layers(part: onnx.ModelProto) -> list[str]:
    return [node.name for node in part.graph.node if node.op_type == "Conv"]


def load(path: Path) -> onnx.ModelProto:
    """Raises BundleError."""
    try:
        return onnx.load(str(path))
    except Exception as error:  # protobuf's error has no public class
        raise BundleError(f"{path}: expected an ONNX network, got {error}. Copy the bundle again") from error

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
from typing import Any

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
    weights: Mapping[str, np.ndarray]  # those of AddedHead, by name
    spans: Mapping[str, tuple[float, float]]  # of `hidden` and `out`

    @property
    def own(self) -> str:
        """What the names of its parts begin with."""
        return f"added.{self.name}"

    def float_model(self, taps: Sequence[str], size: Size) -> onnx.ModelProto:
        """On its own: `taps` in, `output` out; size: (width, height) in cells of the first."""
        own, (width, height) = self.own, size
        channels = [self.weights["tower.weight"].shape[1]]
        nodes, features = [], taps[0]
        if len(taps) > 1:
            details, finer, *_ = self.weights["detail.weight"].shape
            channels = [channels[0] - details, finer]
            nodes = [
                self._layer("detail", taps[1], f"{own}.detail_sum", pads=[1] * 4, strides=[2] * 2),
                helper.make_node("Relu", [f"{own}.detail_sum"], [f"{own}.details"], f"{own}.detail_relu"),
                helper.make_node("Concat", [taps[0], f"{own}.details"], [f"{own}.all"], f"{own}.all", axis=1),
            ]
            features = f"{own}.all"
        nodes += [
            self._layer("tower", features, f"{own}.sum", pads=[1] * 4),
            helper.make_node("Relu", [f"{own}.sum"], [f"{own}.hidden"], f"{own}.relu"),
            self._layer("out", f"{own}.hidden", self.output),
        ]
        stored = [
            numpy_helper.from_array(value.astype(np.float32), f"{own}.{part}")
            for part, value in self.weights.items()
        ]
        inputs = [
            _tensor(tap, number, (width << k, height << k))
            for k, (tap, number) in enumerate(zip(taps, channels, strict=True))
        ]
        outputs = [_tensor(self.output, len(self.weights["out.bias"]), size)]
        graph = helper.make_graph(nodes, own, inputs, outputs, stored)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)

    def _layer(self, part: str, source: str, target: str, **how: Any) -> onnx.NodeProto:
        parts = [f"{self.own}.{part}.{kind}" for kind in ("weight", "bias")]
        return helper.make_node("Conv", [source, *parts], [target], f"{self.own}.{part}", **how)


def _tensor(name: str, channels: int, size: Size) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, channels, *size[::-1]])


def grafted(
    model: onnx.ModelProto, head: Head, strides: Sequence[int], size: Size, precision: str
) -> onnx.ModelProto:
    """The network of a file with one head more; `strides`: of what it reads, as `Recipe.strides`; `size`:
    (width, height) of the network's input.

    Raises BundleError if the network has no features that all tasks share.
    """
    taps = [tap_of(model, stride, precision) for stride in strides]
    part = head.float_model(taps, (size[0] // strides[0], size[1] // strides[0]))
    if precision != "fp32":
        part = with_pairs(part, _codes(model, head, taps, precision), _layers(part), precision == "int8")
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


def _codes(model: onnx.ModelProto, head: Head, taps: Sequence[str], precision: str) -> dict[str, Code]:
    """Details are rounded as the features that they join, so that joining them rounds nothing."""
    (_, high), (low, top) = head.spans["hidden"], head.spans["out"]
    codes = {tap: code_of(model, tap) for tap in taps}
    if len(taps) > 1:
        codes |= dict.fromkeys((f"{head.own}.details", f"{head.own}.all"), codes[taps[0]])
    hidden, most = f"{head.own}.hidden", max(high, 1e-6)
    if precision == "trt.int8":
        return {**codes, hidden: Code(np.float32(most / 127), np.int8(0))}
    step = np.float32(max(top - low, 1e-6) / 255)
    ends = Code(step, np.uint8(np.clip(round(-low / float(step)), 0, 255)))
    return {**codes, hidden: Code(np.float32(most / 255), np.uint8(0)), head.output: ends}


def _layers(part: onnx.ModelProto) -> list[str]:
    return [node.name for node in part.graph.node if node.op_type == "Conv"]


def load(path: Path) -> onnx.ModelProto:
    """Raises BundleError."""
    try:
        return onnx.load(str(path))
    except Exception as error:  # protobuf's error has no public class
        raise BundleError(f"{path}: expected an ONNX network, got {error}. Copy the bundle again") from error

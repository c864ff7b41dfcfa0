"""Rounding written into a network: QuantizeLinear/DequantizeLinear pairs around tensors and weights.

Activations have one scale a tensor, weights one a channel, symmetric, int8 (-127..127). All scales are
constants of the file.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from calibration.int8.graph import Graph

WEIGHT_STEPS = 127
BIAS_STEPS = 2**30  # largest whole number that a bias may need


@dataclass(frozen=True)
class Code:
    """value = (code - zero) * scale; the type of `zero`, int8 or uint8, is that of the codes."""

    scale: np.float32
    zero: Any

    @property
    def clamps_at_zero(self) -> bool:
        """Nothing negative has a code."""
        return bool(self.zero == np.iinfo(self.zero.dtype).min)


def with_pairs(
    model: onnx.ModelProto, codes: Mapping[str, Code], layers: Collection[str], whole_bias: bool = False
) -> onnx.ModelProto:
    """A copy of a float network that rounds the tensors of `codes` and the weights of `layers`, by node name.

    A ReLU goes where the code behind it clamps at zero. `whole_bias`: biases as int32 of the products' scale,
    as integer arithmetic adds them; otherwise they stay float32.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    graph = Graph(copy)
    writer = _Writer(graph)
    for node in graph.nodes:
        if node.name in layers:
            writer.round_weights(node, codes[node.input[0]].scale if whole_bias else None)
    for name, code in codes.items():
        writer.round_tensor(name, code)
    _rewrite(copy.graph, writer)
    onnx.checker.check_model(copy)
    return copy


class _Writer:
    """Collects nodes and constants; changes what the given graph's nodes read and write."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.constants: dict[str, np.ndarray] = {}
        self.weights: list[onnx.NodeProto] = []  # to stand before all others
        self.pairs: dict[str, list[onnx.NodeProto]] = {}  # tensor -> to stand after its maker
        self.gone: set[str] = set()  # ReLUs, by output

    def round_weights(self, node: onnx.NodeProto, source_scale: np.float32 | None) -> None:
        weight, bias = self.graph.constants[node.input[1]], self._bias(node)
        axis = 0 if node.op_type == "Conv" or _attribute(node, "transB") else 1
        scale = _weight_scale(np.moveaxis(weight, axis, 0), bias, source_scale)
        whole = np.rint(weight / scale.reshape([-1 if k == axis else 1 for k in range(weight.ndim)]))
        codes = np.clip(whole, -WEIGHT_STEPS, WEIGHT_STEPS).astype(np.int8)
        parts = {"codes": codes, "scale": scale, "zero": np.zeros(len(scale), np.int8)}
        node.input[1] = self._stored(f"{node.name}.weight", parts, axis)
        if source_scale is not None and bias is not None:
            steps = scale * source_scale
            parts = {"codes": np.rint(bias / steps).astype(np.int32), "scale": steps}
            node.input[2] = self._stored(f"{node.name}.bias", parts, 0)

    def _bias(self, node: onnx.NodeProto) -> np.ndarray | None:
        return self.graph.constants[node.input[2]] if len(node.input) > 2 else None

    def _stored(self, name: str, parts: Mapping[str, np.ndarray], axis: int) -> str:
        """Codes with their scales, and the node that reads them; the name of what it gives."""
        named = {f"{name}.{part}": value for part, value in parts.items()}
        self.constants |= named
        read = f"{name}.read"
        self.weights.append(helper.make_node("DequantizeLinear", [*named], [read], read, axis=axis))
        return read

    def round_tensor(self, name: str, code: Code) -> None:
        """Readers of the tensor, or the network's user, get it rounded."""
        maker = self.graph.makers.get(name)
        source, rounded = name, f"{name}.rounded"
        if maker is not None and name in self.graph.outputs:
            source, rounded = f"{name}.exact", name
            _replace(maker.output, name, source)
        for reader in self.graph.readers[name]:
            _replace(reader.input, name, rounded)
        if maker is not None and maker.op_type == "Relu" and code.clamps_at_zero:
            self.gone.add(maker.output[0])
            source = maker.input[0]
        constants = {f"{name}.scale": code.scale, f"{name}.zero": code.zero}
        self.constants |= {key: np.asarray(value) for key, value in constants.items()}
        self.pairs[name] = [
            helper.make_node("QuantizeLinear", [source, *constants], [f"{name}.codes"], f"{name}.quantize"),
            helper.make_node("DequantizeLinear", [f"{name}.codes", *constants], [rounded], f"{name}.read"),
        ]


def _weight_scale(weight: np.ndarray, bias: np.ndarray | None, source_scale: np.float32 | None) -> np.ndarray:
    """(channels,) of (channels, ...): the largest weight is the last step, and a whole bias fits 32 bits."""
    most = np.abs(weight.reshape(len(weight), -1)).max(1)
    scale = np.maximum(most, 1e-9) / WEIGHT_STEPS
    if source_scale is not None and bias is not None:
        scale = np.maximum(scale, np.abs(bias) / (source_scale * BIAS_STEPS))
    return scale.astype(np.float32)


def _attribute(node: onnx.NodeProto, name: str) -> Any:
    return next((helper.get_attribute_value(a) for a in node.attribute if a.name == name), None)


def _replace(names: Any, old: str, new: str) -> None:
    names[:] = [new if name == old else name for name in names]


def _rewrite(graph: onnx.GraphProto, writer: _Writer) -> None:
    """Put the collected nodes in their places, and leave only constants that are read."""
    nodes = [*writer.weights, *_in_order(list(graph.node), writer, [value.name for value in graph.input])]
    del graph.node[:], graph.value_info[:]
    graph.node.extend(nodes)
    read = {name for node in nodes for name in node.input}
    kept = [tensor for tensor in graph.initializer if tensor.name in read]
    kept += [numpy_helper.from_array(value, name) for name, value in writer.constants.items() if name in read]
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _in_order(nodes: list[onnx.NodeProto], writer: _Writer, inputs: list[str]) -> Iterator[onnx.NodeProto]:
    """Every pair behind the maker of its tensor; those of inputs and constants first."""
    makers = {name: node for node in nodes for name in node.output}
    placed = {name.removesuffix(".exact") for name in makers}
    for name, pair in writer.pairs.items():
        if name not in placed:
            yield from pair
    for node in nodes:
        if node.output[0] not in writer.gone:
            yield node
        for output in node.output:
            yield from writer.pairs.get(output.removesuffix(".exact"), ())

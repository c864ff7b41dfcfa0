"""Channels of like width before they share one scale: the same network, with other weights.

ReLU lets a positive factor pass: relu(s x) = s relu(x). So each channel of a tensor can be divided by a
factor in the layer that makes it and multiplied by it in the layers that read it (cross-layer equalisation,
Nagel et al. 2019). There factors come from weights; ours come from what the channels hold on real images, as
in SmoothQuant (Xiao et al. 2023), because weights have a scale a channel anyway and activations one for all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import numpy_helper

from calibration.int8.graph import Graph, active_output
from calibration.int8.observers import runs

# How much of the difference in width goes over to the weights: at 1 the channels become alike and the weights
# hard to round. Outputs of version 0.4.0: 31.0 dB at 0.5, 29.5 at 0.75, 27.4 at 1, 28.5 without.
SHARE = 0.5
RARE = 1e-4  # share of a channel's values that lie above its width

WHERE = ("none", "first", "all")  # which tensors: what is made of the image itself, or all that can be
DEFAULT = "none"  # a network that was trained with rounding has learnt to live with that of its own weights


def factors(model: onnx.ModelProto, images: np.ndarray, where: str) -> dict[str, np.ndarray]:
    """(channels,) of each tensor that is equalised: (width of the channel / their mean) ** SHARE.

    The mean is geometric. `model`: a float network of normalised images; `images`: (n, h, w, 3) uint8. Raises
    ValueError if `where` is not of WHERE.
    """
    if where not in WHERE:
        raise ValueError(f"expected where to equalise of {', '.join(WHERE)}, got {where!r}")
    graph = Graph(model)
    tensors = [name for name, maker in _movable(graph).items() if _wanted(graph, maker, where)]
    widths = {name: np.zeros(1) for name in tensors}
    for values in runs(model, tensors, images) if tensors else ():
        for name, value in values.items():
            widths[name] = np.maximum(widths[name], _width(value))
    return {name: _factor(width) for name, width in widths.items()}


def _wanted(graph: Graph, maker: onnx.NodeProto, where: str) -> bool:
    return where == "all" or (where == "first" and maker.input[0] in graph.inputs)


def _movable(graph: Graph) -> dict[str, onnx.NodeProto]:
    """The tensors, and their makers, that go from one convolution through ReLU to convolutions only."""
    makers = {active_output(graph, node): node for node in graph.nodes if node.op_type == "Conv"}
    return {name: maker for name, maker in makers.items() if _between_layers(graph, name, maker)}


def _between_layers(graph: Graph, name: str, maker: onnx.NodeProto) -> bool:
    readers = graph.readers[name]
    return (
        name != maker.output[0]
        and name not in graph.outputs
        and all(reader.op_type == "Conv" and reader.input[0] == name for reader in readers)
        and all(_own_weights(graph, node) for node in (maker, *readers))
    )


def _own_weights(graph: Graph, node: onnx.NodeProto) -> bool:
    """No other layer reads the same weights."""
    stored = [name for name in node.input[1:] if name in graph.constants]
    return len(stored) == len(node.input) - 1 and all(len(graph.readers[name]) == 1 for name in stored)


def _width(value: np.ndarray) -> np.ndarray:
    """(channels,) of (n, channels, h, w), not negative: the magnitude that the share RARE exceeds."""
    flat = value.swapaxes(0, 1).reshape(value.shape[1], -1)
    rare = max(1, int(flat.shape[1] * RARE))
    return np.partition(flat, -rare, axis=1)[:, -rare]


def _factor(width: np.ndarray) -> np.ndarray:
    logs = SHARE * np.log(np.maximum(width, 1e-3 * max(width.max(), 1e-30)))
    return np.exp(logs - logs.mean()).astype(np.float32)


def equalised(model: onnx.ModelProto, by: Mapping[str, Sequence[float]]) -> onnx.ModelProto:
    """A copy of the network that computes the same, with the named tensors divided by their factors."""
    graph = Graph(model)
    makers = _movable(graph)
    weights = {name: graph.constants[name].copy() for name in graph.constants}
    for name, values in by.items():
        factor = np.array(values, np.float32)
        for stored in makers[name].input[1:]:  # weights, and a bias if there is one
            weights[stored] /= _along(factor, 0, weights[stored].ndim)
        for reader in graph.readers[name]:
            weights[reader.input[1]] *= _along(factor, 1, 4)
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    for tensor in copy.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(weights[tensor.name], tensor.name))
    return copy


def _along(factor: np.ndarray, axis: int, axes: int) -> np.ndarray:
    shape: Sequence[int] = [len(factor) if k == axis else 1 for k in range(axes)]
    return factor.reshape(shape)

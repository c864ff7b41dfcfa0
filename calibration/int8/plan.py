"""Which tensors of a float network are rounded to 8 bits, and which layers stay in float."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import onnx

from calibration.int8.graph import COPIES, WEIGHTED, Graph, active_output, copies
from perception.errors import BundleError

# What onnxruntime computes in 8 bits on a CPU besides layers with weights, with the number of inputs that are
# data: None for all.
CPU_DATA: Mapping[str, int | None] = {
    "Add": 2,
    "Mul": 2,
    "Concat": None,
    "Sigmoid": 1,
    "Softmax": 1,
    **dict.fromkeys(COPIES, 1),
}


@dataclass(frozen=True)
class Plan:
    """The layers in 8 bits by node name, and the tensors that are rounded, in the order of the network.

    `trt`: where TensorRT wants a QuantizeLinear/DequantizeLinear pair. It fuses a convolution with the sum
    and the ReLU behind it, and rounds for nothing at their end; a pair in between would break the fusion.
    `cpu`: where onnxruntime wants them: around every operation. `trt` is a part of it.
    `left`: layers that stay in float, each with the reason.
    """

    layers: tuple[str, ...]
    trt: tuple[str, ...]
    cpu: tuple[str, ...]
    left: Mapping[str, str] = field(default_factory=dict)


def plan(graph: Graph, left: Mapping[str, str] | None = None) -> Plan:
    """`left`: layers that shall stay in float, and why. Raises BundleError for one that is not there."""
    named = {node.name for node in graph.nodes if node.op_type in WEIGHTED}
    left = dict(left or {})
    if set(left) - named:
        raise BundleError(
            f"expected layers of {', '.join(sorted(named))} to leave in float, got "
            f"{', '.join(sorted(set(left) - named))}"
        )
    layers = [node for node in graph.nodes if node.op_type in WEIGHTED and node.name not in left]
    trt = {node.input[0] for node in layers} | set(_skips(graph, {node.name for node in layers}))
    cpu = trt | set(_around(graph, layers))
    order = [*graph.inputs, *graph.constants, *(name for node in graph.nodes for name in node.output)]
    return Plan(
        tuple(node.name for node in layers),
        tuple(name for name in order if name in trt),
        tuple(name for name in order if name in cpu),
        left,
    )


def _skips(graph: Graph, layers: set[str]) -> Iterator[str]:
    """Of each sum, the inputs that do not come straight from the convolution it is fused with."""
    for node in graph.nodes:
        if node.op_type != "Add" or set(node.input) & set(graph.constants):
            continue
        fused = [name for name in node.input if _from_layer(graph, name, layers)]
        yield from (name for name in node.input if name not in fused[-1:])


def _from_layer(graph: Graph, name: str, layers: set[str]) -> bool:
    maker = graph.makers.get(name)
    return maker is not None and maker.name in layers and graph.only_reader(name) is not None


def _around(graph: Graph, layers: list[onnx.NodeProto]) -> Iterator[str]:
    """Inputs and outputs of what a CPU computes in 8 bits."""
    for node in layers:
        yield active_output(graph, node)
    for node in graph.nodes:
        if node.op_type not in CPU_DATA or (node.op_type == "Resize" and not copies(node)):
            continue
        yield from node.input[: CPU_DATA[node.op_type]]
        yield from (active_output(graph, node),) if len(node.output) == 1 else node.output

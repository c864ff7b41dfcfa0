"""A float network as calibration sees it: who makes and reads each tensor, what is known of its values."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from functools import cached_property
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.quantization.shape_inference import quant_pre_process

from perception.errors import BundleError

WEIGHTED = ("Conv", "Gemm")  # layers with weights
COPIES = frozenset(  # their outputs hold values of their first input and no others
    ("Resize", "MaxPool", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Split", "Gather")
)
POSITIVE = frozenset(("Relu", "Sigmoid", "HardSigmoid", "Softmax"))
KEEPING = frozenset(  # not negative where none of their inputs is
    ("Add", "Mul", "Concat", "AveragePool", "GlobalAveragePool", "ReduceMean", "ReduceSum", *COPIES)
)
INNER = ".normal"  # the network's input, normalised, is named after the file's input and this


def inner_network(path: Path) -> onnx.ModelProto:
    """An exported network without its byte front: float32 NCHW normalised in, constants folded, shapes known.

    Raises BundleError if the file does not begin with the byte front of `deploy.export`.
    """
    try:
        model = onnx.load(str(path))
        front = [node.op_type for node in model.graph.node[:2]]
    except Exception as error:  # protobuf's error has no public class
        raise BundleError(f"{path}: expected an ONNX network, got {error}. Export it again") from error
    if front != ["DequantizeLinear", "Transpose"] or not model.graph.node[1].output[0].endswith(INNER):
        raise BundleError(
            f"{path}: expected a float network that begins with DequantizeLinear and Transpose, the "
            f"normalisation of the camera's bytes, got {', '.join(front)}. Give the fp32 file of a bundle"
        )
    return _folded(_without_front(model))


def _without_front(model: onnx.ModelProto) -> onnx.ModelProto:
    graph, old = model.graph, model.graph.input[0]
    n, h, w, c = (d.dim_value or d.dim_param for d in old.type.tensor_type.shape.dim)
    info = helper.make_tensor_value_info(f"{old.name}{INNER}", TensorProto.FLOAT, [n, c, h, w])
    kept = [tensor for tensor in graph.initializer if not tensor.name.startswith(f"{old.name}.")]
    del graph.node[:2]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    graph.input[0].CopyFrom(info)
    return model


def _folded(model: onnx.ModelProto) -> onnx.ModelProto:
    """Constants computed, shapes inferred: by onnxruntime."""
    with tempfile.TemporaryDirectory() as folder:
        before, after = (str(Path(folder) / name) for name in ("before.onnx", "after.onnx"))
        onnx.save(model, before)
        quant_pre_process(before, after, skip_symbolic_shape=True)
        ready = onnx.load(after)
    opset = next(o.version for o in ready.opset_import if o.domain == "")
    del ready.opset_import[:]
    ready.opset_import.append(helper.make_opsetid("", opset))
    ready.producer_name, ready.producer_version = "perception", ""
    return ready


class Graph:
    """Reads a model; changes nothing."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self.nodes = list(model.graph.node)
        self.inputs = [value.name for value in model.graph.input]
        self.outputs = [value.name for value in model.graph.output]
        self.makers = {name: node for node in self.nodes for name in node.output}
        self.readers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in self.nodes:
            for name in filter(None, node.input):
                self.readers[name].append(node)
        self._stored = {tensor.name: tensor for tensor in model.graph.initializer}
        self._positive: dict[str, bool] = {}

    @cached_property
    def constants(self) -> dict[str, np.ndarray]:
        return {name: numpy_helper.to_array(tensor) for name, tensor in self._stored.items()}

    def only_reader(self, name: str) -> onnx.NodeProto | None:
        """The one node that reads a tensor; None if several do or the network answers with it."""
        readers = self.readers[name]
        return readers[0] if len(readers) == 1 and name not in self.outputs else None

    def origin(self, name: str) -> str:
        """The tensor whose values this one repeats, through resizing, reshaping and such; mostly itself."""
        maker = self.makers.get(name)
        return self.origin(maker.input[0]) if maker is not None and copies(maker) else name

    def positive(self, name: str) -> bool:
        """No value of the tensor can be negative."""
        if name not in self._positive:
            self._positive[name] = self._is_positive(name)
        return self._positive[name]

    def _is_positive(self, name: str) -> bool:
        if name in self._stored:
            return bool((self.constants[name] >= 0).all())
        maker = self.makers.get(name)
        if maker is None:
            return False
        if maker.op_type in KEEPING and (maker.op_type != "Resize" or copies(maker)):
            data = maker.input if maker.op_type in ("Add", "Mul", "Concat") else maker.input[:1]
            return all(self.positive(source) for source in data)
        return maker.op_type in POSITIVE


def copies(node: onnx.NodeProto) -> bool:
    """Does every value of its output stand in its input? Of Resize: only with the nearest pixel."""
    if node.op_type == "Resize":
        modes = [attribute.s for attribute in node.attribute if attribute.name == "mode"]
        return modes in ([], [b"nearest"])
    return node.op_type in COPIES


def active_output(graph: Graph, node: onnx.NodeProto) -> str:
    """What a node leaves behind: its output, or that of the ReLU which alone reads it."""
    reader = graph.only_reader(node.output[0])
    return reader.output[0] if reader is not None and reader.op_type == "Relu" else node.output[0]

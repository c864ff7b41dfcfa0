"""Float networks in half the bytes.

`to_half`: a typed FP16 file, every weight and tensor float16, input and outputs float32. TensorRT 11 has no
FP16 switch any more: the types in the file say what is computed in which precision. 8.6 to 10 read the same
file. Our networks hold no operator that needs more than float16, so nothing is kept in float32; converters
for any network (onnxconverter-common) carry lists of such operators.

`store_half`: float32 arithmetic with weights that are stored as float16.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from calibration.int8.graph import inner_network
from deploy.quantize import normalised_input
from perception.errors import BundleError
from perception.model.pretrained import HALF
from perception.sinks.files import write_whole

LARGEST = float(np.finfo(np.float16).max)
FIRST = tuple(f"network.trunk.encoder.{part}." for part in ("stem", "stages.0", "stages.1"))
COPIED = "front."  # what the sign network calls its own, scaled copies of the FIRST layers
FRONT = 2  # nodes from the camera's bytes to floats: they come first (`calibration.int8.graph`)
MANY = 256  # weights of a layer that are worth it
SETTINGS = {"Resize": (1, 2, 3)}  # inputs that stay float32 whatever the data are: regions and scales


def to_half(source: Path, target: Path, batch: int = 1) -> None:
    """Write the FP16 twin of the exported float network `source`; a free batch becomes `batch`.

    Raises BundleError if a weight is too large for float16.
    """
    model = inner_network(source)
    _round_constants(model, str(source))
    _cast_ends(model.graph)
    write_whole(target, normalised_input(model, batch).SerializeToString())


def store_half(path: Path) -> None:
    """Store the large weights of the float network `path` as float16, in place; one too large stays as it is.

    A Cast behind each gives float32 again; runtimes compute it once, when they load the file. The layers that
    both networks have stay exact: rounded each for itself, they would not be copies any more
    (`model.pretrained`).
    """
    model, casts = onnx.load(str(path)), []
    for tensor in model.graph.initializer:
        value, name = numpy_helper.to_array(tensor), tensor.name
        if name.startswith((*FIRST, COPIED)) or value.dtype != np.float32 or value.size < MANY:
            continue
        if np.abs(value).max() <= LARGEST:
            tensor.CopyFrom(numpy_helper.from_array(value.astype(np.float16), f"{name}{HALF}"))
            casts.append(
                helper.make_node("Cast", [tensor.name], [name], f"{name}.cast", to=TensorProto.FLOAT)
            )
    front, rest = model.graph.node[:FRONT], model.graph.node[FRONT:]
    nodes = [*front, *casts, *rest]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    write_whole(path, model.SerializeToString())


def _round_constants(model: onnx.ModelProto, name: str) -> None:
    settings = {i for node in model.graph.node for i in _settings(node)}
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or tensor.name in settings:
            continue
        value = numpy_helper.to_array(tensor)
        most = float(np.abs(value).max(initial=0))
        if most > LARGEST:
            raise BundleError(
                f"{name}: expected weights up to {LARGEST:.0f}, the largest float16, got {most:g} in "
                f"{tensor.name}. Train with weight decay, or use fp32"
            )
        tensor.CopyFrom(numpy_helper.from_array(value.astype(np.float16), tensor.name))


def _settings(node: onnx.NodeProto) -> list[str]:
    return [node.input[k] for k in SETTINGS.get(node.op_type, ()) if k < len(node.input)]


def _cast_ends(graph: onnx.GraphProto) -> None:
    """float32 to float16 behind the input, and back before each output."""
    name = graph.input[0].name
    for node in graph.node:
        node.input[:] = [f"{name}.half" if source == name else source for source in node.input]
    first = helper.make_node("Cast", [name], [f"{name}.half"], f"{name}.to_half", to=TensorProto.FLOAT16)
    ends = [value.name for value in graph.output]
    for node in graph.node:
        node.input[:] = [f"{source}.half" if source in ends else source for source in node.input]
        node.output[:] = [f"{made}.half" if made in ends else made for made in node.output]
    last = [
        helper.make_node("Cast", [f"{end}.half"], [end], f"{end}.to_float", to=TensorProto.FLOAT)
        for end in ends
    ]
    nodes = [first, *graph.node, *last]
    del graph.node[:]
    graph.node.extend(nodes)

"""Keep only the part of an ONNX model that some outputs need.

onnxruntime computes the whole graph whatever is asked of it: unasked outputs are not copied out, but their
nodes run (`RunOptions.only_execute_path_to_fetches` has no effect in its inference build). So the graph is
cut before the session is made. The `onnx` package is not part of the run time, and cutting needs little of
the format: nodes and outputs are length-delimited fields of GraphProto, which are kept or left out byte for
byte. Weights of lost nodes stay; onnxruntime drops them when it loads the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

from perception.backends.onnx_wire import GRAPH, OUTPUT, Field, fields, names, tagged
from perception.errors import BundleError

NODE = 1  # of GraphProto
NODE_INPUT, NODE_OUTPUT = 1, 2  # of NodeProto
NAME = 1  # of ValueInfoProto


def cut(model: bytes, outputs: Sequence[str]) -> bytes:
    """The model (a serialised ModelProto) with only `outputs`, in the file's order, and the nodes they need.

    For flat graphs: names that a node's subgraph takes from outside are not followed. Raises BundleError if
    an output is missing or the bytes are not an ONNX model.
    """
    try:
        return b"".join(
            tagged(GRAPH, _cut_graph(field.payload, set(outputs))) if field.number == GRAPH else field.raw
            for field in fields(model)
        )
    except (IndexError, ValueError, UnicodeDecodeError) as error:
        raise BundleError(f"expected an ONNX model, got bytes that are not one ({error})") from error


def _cut_graph(graph: bytes, wanted: set[str]) -> bytes:
    parts = list(fields(graph))
    present = {names(part.payload, NAME)[0] for part in parts if part.number == OUTPUT}
    if wanted - present:
        raise BundleError(
            f"expected network outputs {sorted(wanted)}, got a network with {sorted(present)}. "
            "Export the bundle again"
        )
    needed = _needed_nodes(parts, wanted)
    return b"".join(part.raw for i, part in enumerate(parts) if _keep(i, part, needed, wanted))


def _keep(index: int, field: Field, needed: set[int], wanted: set[str]) -> bool:
    if field.number == NODE:
        return index in needed
    if field.number == OUTPUT:
        return names(field.payload, NAME)[0] in wanted
    return True


def _needed_nodes(parts: Sequence[Field], wanted: set[str]) -> set[int]:
    """Indices of the nodes that lead to `wanted`. ONNX nodes are in topological order: one way back does."""
    values, needed = set(wanted), set()
    for i in reversed(range(len(parts))):
        if parts[i].number == NODE and values.intersection(names(parts[i].payload, NODE_OUTPUT)):
            needed.add(i)
            values.update(names(parts[i].payload, NODE_INPUT))
    return needed

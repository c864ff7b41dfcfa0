"""Keep only the part of an ONNX model that some outputs need.

onnxruntime computes the whole graph whatever is asked of it: unasked outputs are not copied out, but their
nodes run (`RunOptions.only_execute_path_to_fetches` has no effect in its inference build). So the graph is
cut before the session is made. The `onnx` package is not part of the run time, and cutting needs little of
the format: nodes and outputs are length-delimited fields of GraphProto, which are kept or left out byte for
byte. Weights of lost nodes stay; onnxruntime drops them when it loads the rest.

Field numbers: onnx/onnx.proto. Encoding: https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from perception.errors import BundleError

GRAPH = 7  # ModelProto.graph
NODE, OUTPUT = 1, 12  # of GraphProto
NODE_INPUT, NODE_OUTPUT = 1, 2  # of NodeProto
NAME = 1  # of ValueInfoProto
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types


class Field(NamedTuple):
    number: int
    payload: bytes  # without tag and length; empty if the wire type is not BYTES
    raw: bytes  # as it stands in the file


def cut(model: bytes, outputs: Sequence[str]) -> bytes:
    """The model (a serialised ModelProto) with only `outputs`, in the file's order, and the nodes they need.

    For flat graphs: names that a node's subgraph takes from outside are not followed. Raises BundleError if
    an output is missing or the bytes are not an ONNX model.
    """
    try:
        return b"".join(
            _tagged(GRAPH, _cut_graph(field.payload, set(outputs))) if field.number == GRAPH else field.raw
            for field in _fields(model)
        )
    except (IndexError, ValueError, UnicodeDecodeError) as error:
        raise BundleError(f"expected an ONNX model, got bytes that are not one ({error})") from error


def _cut_graph(graph: bytes, wanted: set[str]) -> bytes:
    fields = list(_fields(graph))
    present = {_names(field.payload, NAME)[0] for field in fields if field.number == OUTPUT}
    if wanted - present:
        raise BundleError(
            f"expected network outputs {sorted(wanted)}, got a network with {sorted(present)}. "
            "Export the bundle again"
        )
    needed = _needed_nodes(fields, wanted)
    return b"".join(field.raw for i, field in enumerate(fields) if _keep(i, field, needed, wanted))


def _keep(index: int, field: Field, needed: set[int], wanted: set[str]) -> bool:
    if field.number == NODE:
        return index in needed
    if field.number == OUTPUT:
        return _names(field.payload, NAME)[0] in wanted
    return True


def _needed_nodes(fields: Sequence[Field], wanted: set[str]) -> set[int]:
    """Indices of the nodes that lead to `wanted`. ONNX nodes are in topological order: one way back does."""
    values, needed = set(wanted), set()
    for i in reversed(range(len(fields))):
        if fields[i].number == NODE and values.intersection(_names(fields[i].payload, NODE_OUTPUT)):
            needed.add(i)
            values.update(_names(fields[i].payload, NODE_INPUT))
    return needed


def _names(message: bytes, number: int) -> list[str]:
    return [field.payload.decode() for field in _fields(message) if field.number == number]


def _fields(message: bytes) -> Iterator[Field]:
    at = 0
    while at < len(message):
        start = at
        tag, at = _varint(message, at)
        kind, length = tag & 7, 0
        if kind == VARINT:
            _, at = _varint(message, at)
        elif kind == BYTES:
            length, at = _varint(message, at)
        elif kind in (FIXED32, FIXED64):
            at += 4 if kind == FIXED32 else 8
        else:
            raise ValueError(f"wire type {kind}")
        if at + length > len(message):
            raise ValueError("it ends in the middle of a field")
        yield Field(tag >> 3, message[at : at + length], message[start : at + length])
        at += length


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """The number that begins at `at`, and where the next thing begins."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7


def _tagged(number: int, payload: bytes) -> bytes:
    length, out = len(payload), bytearray([number << 3 | BYTES])
    while length >= 0x80:
        out.append(length & 0x7F | 0x80)
        length >>= 7
    out.append(length)
    return bytes(out) + payload

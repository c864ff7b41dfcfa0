"""Small ONNX models written byte by byte: the `onnx` package is not part of the run time.

Field numbers: onnx/onnx.proto; encoding: https://protobuf.dev/programming-guides/encoding/.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

IR_VERSION, OPSET = 9, 17
TYPES = {"float32": 1, "uint8": 2, "int8": 3, "int32": 6}  # TensorProto.DataType
INT, INTS = 2, 7  # AttributeProto.AttributeType


def field(number: int, value: int | str | bytes) -> bytes:
    """One field of a message: a number, a text or a message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    payload = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def varint(value: int) -> bytes:
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes([value])


def tensor(name: str, array: np.ndarray) -> bytes:
    """A TensorProto."""
    shape = b"".join(field(1, size) for size in array.shape)
    return shape + field(2, TYPES[array.dtype.name]) + field(8, name) + field(9, array.tobytes())


def ints(name: str, values: Sequence[int]) -> bytes:
    """An AttributeProto with whole numbers."""
    return field(1, name) + b"".join(field(8, value) for value in values) + field(20, INTS)


def node(kind: str, inputs: Sequence[str], output: str, *attributes: bytes) -> bytes:
    """A NodeProto with one output."""
    names = b"".join(field(1, name) for name in inputs) + field(2, output)
    return names + field(4, kind) + b"".join(field(5, attribute) for attribute in attributes)


def value(name: str, dtype: str, shape: Sequence[int]) -> bytes:
    """A ValueInfoProto of a tensor."""
    sizes = b"".join(field(1, field(1, size)) for size in shape)
    return field(1, name) + field(2, field(1, field(1, TYPES[dtype]) + field(2, sizes)))


def model(nodes: Sequence[bytes], tensors: Sequence[bytes], given: bytes, result: bytes) -> bytes:
    """A ModelProto with one input and one output, each a ValueInfoProto."""
    parts = [field(1, item) for item in nodes] + [field(2, "bench")] + [field(5, item) for item in tensors]
    graph = b"".join(parts) + field(11, given) + field(12, result)
    return field(1, IR_VERSION) + field(7, graph) + field(8, field(2, OPSET))

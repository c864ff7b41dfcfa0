"""The few bytes of the ONNX format that are read without the `onnx` package.

A message is a run of fields; those that hold bytes are a number, a length and a payload, which is text or
another message. Encoding: https://protobuf.dev/programming-guides/encoding/. Field numbers: onnx/onnx.proto.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

GRAPH = 7  # of ModelProto
INPUT, OUTPUT, VALUE_INFO = 11, 12, 13  # of GraphProto
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5  # wire types


class Field(NamedTuple):
    number: int
    payload: bytes  # without tag and length; empty if the wire type is not BYTES
    raw: bytes  # as it stands in the file


def names(message: bytes, number: int) -> list[str]:
    """The texts of every field `number`."""
    return [field.payload.decode() for field in fields(message) if field.number == number]


def fields(message: bytes) -> Iterator[Field]:
    """Raises IndexError or ValueError if the bytes are not a message."""
    at = 0
    while at < len(message):
        start = at
        tag, at = varint(message, at)
        kind, length = tag & 7, 0
        if kind == VARINT:
            _, at = varint(message, at)
        elif kind == BYTES:
            length, at = varint(message, at)
        elif kind in (FIXED32, FIXED64):
            at += 4 if kind == FIXED32 else 8
        else:
            raise ValueError(f"wire type {kind}")
        if at + length > len(message):
            raise ValueError("it ends in the middle of a field")
        yield Field(tag >> 3, message[at : at + length], message[start : at + length])
        at += length


def within(message: bytes, path: Sequence[int], edit: Callable[[bytes], bytes]) -> bytes:
    """The message with `edit` done to every payload at `path`, a field number a level."""
    if not path:
        return edit(message)
    return b"".join(
        tagged(field.number, within(field.payload, path[1:], edit)) if field.number == path[0] else field.raw
        for field in fields(message)
    )


def varint(message: bytes, at: int) -> tuple[int, int]:
    """The number that begins at `at`, and where the next thing begins."""
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value, at
        shift += 7


def coded(number: int) -> bytes:
    """What `varint` reads."""
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def tagged(number: int, payload: bytes) -> bytes:
    """A field that holds bytes."""
    return coded(number << 3 | BYTES) + coded(len(payload)) + payload

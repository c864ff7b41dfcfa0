"""Messages as bytes (CDR), and their definitions as text: by rosbags, pure Python without ROS."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from perception.errors import DataError, PerceptionError
from perception.messages.definitions import definitions
from perception.messages.fill import fill

if TYPE_CHECKING:
    from rosbags.typesys.store import Typestore

MISSING = "recorded drives need packages that are not installed: pip install 'perception[drives]'"


@cache
def store() -> Typestore:
    """The standard messages of ROS 2 and those of `definitions`. Raises PerceptionError without rosbags."""
    try:
        from rosbags.typesys import Stores, get_types_from_msg, get_typestore
    except ImportError as error:
        raise PerceptionError(f"{MISSING} ({error})") from error
    found = get_typestore(Stores.LATEST)
    found.register(
        {k: v for name, text in definitions().items() for k, v in get_types_from_msg(text, name).items()}
    )
    return found


def encode(type_name: str, record: Mapping[str, Any]) -> bytes:
    """CDR of a record, little-endian on the usual machines."""
    message = fill(store().types.__getitem__, type_name, record)
    return bytes(store().serialize_cdr(message, type_name))


def fitting(own: Typestore, type_name: str) -> Typestore:
    """The store of a file if it defines a type, else ours. Raises DataError if it defines it without fields
    that we read."""
    if type_name not in own.fielddefs:
        return store()
    if missing := _missing(own, type_name):
        raise DataError(f"expected {missing} in the file's definition of {type_name}, found none")
    return own


def _missing(own: Typestore, type_name: str) -> str:
    """A field of ours that is not there, or is of another kind. ROS 1 writes some in large letters."""
    if type_name not in store().fielddefs:
        return ""
    there = {name.lower(): node for name, node in own.fielddefs[type_name][1]}
    for name, (kind, content) in store().fielddefs[type_name][1]:
        if name not in there or there[name][0] != kind:
            return name
        inner, theirs = _inner(content), _inner(there[name][1])
        if inner in store().fielddefs and (theirs not in own.fielddefs or _missing(own, theirs)):
            return name
    return ""


def _inner(content: Any) -> str:
    """The type of a field, or of the items of a list."""
    return content if isinstance(content, str) else str(content[0][1])


def definition(type_name: str) -> str:
    """The .msg text of a type and of all that it contains, as rosbag2 embeds it."""
    return store().generate_msgdef(type_name, ros_version=2)[0]

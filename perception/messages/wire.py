"""Messages as bytes (CDR), and their definitions as text: by rosbags, pure Python without ROS."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from perception.errors import PerceptionError
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


def definition(type_name: str) -> str:
    """The .msg text of a type and of all that it contains, as rosbag2 embeds it."""
    return store().generate_msgdef(type_name, ros_version=2)[0]

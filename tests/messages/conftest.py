"""Messages as another library sees them: through CDR bytes and back."""

from __future__ import annotations

import pytest

from perception.messages import definitions, fill


@pytest.fixture(scope="session")
def typestore():
    """rosbags with our definitions."""
    typesys = pytest.importorskip("rosbags.typesys")
    store = typesys.get_typestore(typesys.Stores.ROS2_KILTED)
    types = {}
    for name, text in definitions().items():
        types.update(typesys.get_types_from_msg(text, name))
    store.register(types)
    return store


@pytest.fixture
def through(typestore):
    """Serialised and read again by rosbags."""

    def send(type_name, record):
        message = fill(typestore.types.__getitem__, type_name, record)
        return typestore.deserialize_cdr(typestore.serialize_cdr(message, type_name), type_name)

    return send

"""Numbers of things of a rendered world, the same in every frame and run."""

from __future__ import annotations

from hashlib import blake2b

NONE = -1


def number_of(*key: object) -> int:
    """Of the thing that `key` names; below 2^40."""
    return int.from_bytes(blake2b(repr(key).encode(), digest_size=5).digest())

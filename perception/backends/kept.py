"""Files in the user's cache that are whole or not there at all, sealed with their checksum.

What is kept can always be made again, so nothing here fails: without it a start only takes longer.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

SEAL = hashlib.sha256().digest_size


def folder(kind: str) -> Path:
    """The folder of one kind of things that are kept: `$XDG_CACHE_HOME/perception/KIND`, else in ~/.cache.

    A user who has no home keeps nothing: below /dev/null there is no folder, nor can one be made.
    """
    try:
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    except RuntimeError:
        caches = Path(os.devnull)
    return caches / "perception" / kind


def read(path: Path) -> bytes:
    """What `write` wrote there; empty if there is nothing or it is damaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return b""
    seal, content = data[:SEAL], data[SEAL:]
    return content if hashlib.sha256(content).digest() == seal else b""


def write(path: Path, content: bytes) -> bool:
    """Put it there in one step; False: the disk does not take it. The last of two writers wins."""
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(hashlib.sha256(content).digest() + content)
        part.replace(path)
    except OSError:
        with suppress(OSError):
            part.unlink()
        return False
    return True

"""What a recorded drive may claim before it is unpacked: see `perception.limits`."""

from __future__ import annotations

from bz2 import BZ2Decompressor
from collections.abc import Iterable
from functools import cache
from io import BytesIO
from typing import Any

from perception.limits import check, limit


def unpacked(data: bytes, compression: str, size: int) -> bytes:
    """A chunk that claims `size` bytes; one more if it holds more. Raises PerceptionError over the limit."""
    check("CHUNK", size, f"a chunk of {len(data)} bytes, bytes when decompressed")
    if compression == "zstd":
        from zstandard import ZstdDecompressor

        return ZstdDecompressor().stream_reader(BytesIO(data), read_across_frames=True).read(size + 1)
    if compression == "lz4":
        from lz4.frame import LZ4FrameDecompressor

        return bytes(LZ4FrameDecompressor().decompress(data, size + 1))
    if compression:
        raise ValueError(f"unknown compression {compression!r}")
    return data


@cache
def bound_rosbags() -> None:
    """Let rosbags unpack as `unpacked` does; its own functions take what comes."""
    from rosbags.rosbag1 import reader as ros1
    from rosbags.rosbag2 import storage_mcap as mcap

    mcap.DECOMPRESSORS["zstd"] = lambda data, size: unpacked(data, "zstd", size)
    mcap.DECOMPRESSORS["lz4"] = lambda data, size: unpacked(data, "lz4", size)
    ros1.decompressors["lz4"] = lambda data: _checked(unpacked(data, "lz4", limit("CHUNK")))
    ros1.decompressors["bz2"] = lambda data: _checked(BZ2Decompressor().decompress(data, limit("CHUNK") + 1))


def check_definitions(connections: Iterable[Any]) -> None:
    """Raises PerceptionError for a message definition that would take minutes to read."""
    for connection in connections:
        what = f"the definition of {connection.msgtype}, characters"
        check("SCHEMA", len(connection.msgdef.data), what)


def _checked(data: bytes) -> bytes:
    check("CHUNK", len(data), "a chunk, bytes when decompressed")
    return data

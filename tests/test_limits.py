"""What claims to be huge is refused before it is decoded."""

from __future__ import annotations

import bz2
import json
import re
import struct
import zlib
from pathlib import Path

import cv2
import lz4.frame
import numpy as np
import pytest
import zstandard
from mcap.writer import CompressionType, Writer
from rosbags.rosbag1 import reader as ros1
from rosbags.rosbag2 import ReaderError, storage_mcap

from perception.camera import CameraModel
from perception.errors import DataError, FrameError, PerceptionError, SourceError
from perception.labels.rows import json_file, json_lines, read_image
from perception.limits import LIMITS, PREFIX, description, json_value, limit, yaml_description
from perception.messages.pictures import compressed_from
from perception.sources import images
from perception.sources.bag import open_bag
from perception.sources.bag_bounds import bound_rosbags, unpacked
from perception.sources.drive import Drive
from perception.sources.recording import Recording
from tests.sources.clips import numbered

ROOT = Path(__file__).parents[1]


def png(width: int, height: int) -> bytes:
    """A few bytes that claim to be so large."""

    def part(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + part(b"IHDR", head) + part(b"IDAT", zlib.compress(b"")) + part(b"IEND", b"")


def jpeg(width: int, height: int) -> bytes:
    data = bytearray(cv2.imencode(".jpg", np.zeros((16, 16, 3), np.uint8))[1].tobytes())
    struct.pack_into(">HH", data, data.index(b"\xff\xc0") + 5, height, width)
    return bytes(data)


@pytest.mark.parametrize("make", [png, jpeg])
def test_a_picture_that_claims_a_billion_pixels(tmp_path, make):
    path = tmp_path / "a.png"
    path.write_bytes(make(32_000, 32_000))
    for read, error in ((images.read_image, SourceError), (read_image, DataError)):
        with pytest.raises(error, match=r"claims more than 67,108,864 pixels; .* PERCEPTION_MAX_PIXELS"):
            read(path)


def test_a_message_that_claims_a_billion_pixels():
    class Message:
        format, data = "png", np.frombuffer(png(32_000, 32_000), np.uint8)

    with pytest.raises(FrameError, match="claims more than 67,108,864 pixels"):
        compressed_from(Message)


def test_a_video_over_the_limit(tmp_path, monkeypatch):
    path = str(numbered(tmp_path / "a.mp4"))
    monkeypatch.setenv("PERCEPTION_MAX_PIXELS", "6000")
    with pytest.raises(
        PerceptionError, match=r"expected at most 6,000, got 6,144\. .* PERCEPTION_MAX_PIXELS=6144"
    ):
        Recording(path)


def mcap(path: Path, definition: str = "int32 a\n", size: int = 4, finish: bool = True) -> Path:
    with path.open("wb") as file:
        writer = Writer(file, chunk_size=1 << 40, compression=CompressionType.ZSTD)
        writer.start(profile="ros2")
        schema = writer.register_schema("my_msgs/msg/A", "ros2msg", definition.encode())
        channel = writer.register_channel("/a", "cdr", schema)
        writer.add_message(channel, 0, bytes(size), 0)
        writer.finish()
    if not finish:
        path.write_bytes(path.read_bytes()[:-40])
    return path


@pytest.mark.parametrize("finish", [True, False])
def test_a_chunk_that_claims_too_much(tmp_path, monkeypatch, finish):
    monkeypatch.setenv("PERCEPTION_MAX_CHUNK", "1000000")
    path = mcap(tmp_path / "a.mcap", size=2_000_000, finish=finish)
    assert path.stat().st_size < 3000
    with pytest.raises(PerceptionError, match="expected at most 1,000,000, got 2,000"):
        list(open_bag(path).raw({"/a"}))


ZEROS = bytes(2_000_000)
PACKED = {"zstd": zstandard.compress(ZEROS), "lz4": lz4.frame.compress(ZEROS), "": ZEROS}


@pytest.mark.parametrize("compression", PACKED)
def test_a_chunk_that_holds_more_than_it_claims(compression):
    data = PACKED[compression]
    assert len(unpacked(data, compression, len(ZEROS))) == len(ZEROS)
    assert len(unpacked(data, compression, 1000)) == (1001 if compression else len(ZEROS))
    bound_rosbags()
    with pytest.raises(ReaderError, match="expected 1000 bytes"):
        storage_mcap.decompress(data, compression, 1000, 0)


def test_a_ros1_chunk_over_the_limit(monkeypatch):
    bound_rosbags()
    monkeypatch.setenv("PERCEPTION_MAX_CHUNK", "1000000")
    for compression, data in (("bz2", bz2.compress(ZEROS)), ("lz4", PACKED["lz4"])):
        with pytest.raises(PerceptionError, match="expected at most 1,000,000"):
            ros1.decompressors[compression](data)


@pytest.mark.parametrize("finish", [True, False])
def test_a_definition_of_a_hundred_thousand_fields(tmp_path, finish):
    fields = "".join(f"int32 a{k}\n" for k in range(100_000))
    path = mcap(tmp_path / "a.mcap", fields, finish=finish)
    with pytest.raises(PerceptionError, match=r"definition of my_msgs/msg/A, .* PERCEPTION_MAX_SCHEMA"):
        Drive(path)


DEEP = "[" * 100_000 + "]" * 100_000


@pytest.mark.parametrize("text", [DEEP, "1e999", "NaN", "-Infinity", '{"a": 1e999}', "1" * 30, "9" * 5000])
def test_json_that_is_no_good(tmp_path, text):
    with pytest.raises(ValueError, match=r"nested too deep|not finite|64 bits"):
        json_value(text)
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(DataError, match=re.escape(str(path))):
        json_file(path)
    with pytest.raises(DataError, match=re.escape(str(path))):
        list(json_lines(path))
    with pytest.raises(PerceptionError, match=re.escape(str(path))):
        CameraModel.load(path)


def test_a_description_is_bounded_in_depth_and_size(monkeypatch):
    deepest = limit("DEPTH")
    assert description("[" * deepest + "]" * deepest) is not None
    with pytest.raises(ValueError, match="more than PERCEPTION_MAX_DEPTH=32"):
        description("[" * (deepest + 2) + "]" * (deepest + 2))
    monkeypatch.setenv("PERCEPTION_MAX_DESCRIPTION", "10")
    with pytest.raises(ValueError, match="11 characters, more than PERCEPTION_MAX_DESCRIPTION=10"):
        description(json.dumps("a" * 9))


def test_yaml_that_is_too_deep_is_not_read_to_its_end():
    assert yaml_description("a: [[1], {b: 2}]") == {"a": [[1], {"b": 2}]}
    with pytest.raises(ValueError, match="more than PERCEPTION_MAX_DEPTH=32"):
        yaml_description("[" * (limit("DEPTH") + 2) + "*alias")


@pytest.mark.parametrize("text", ["0", "-1", "many", "1e6"])
def test_a_limit_that_is_no_number(monkeypatch, text):
    monkeypatch.setenv("PERCEPTION_MAX_CHUNK", text)
    with pytest.raises(
        PerceptionError, match=f"PERCEPTION_MAX_CHUNK: expected a whole number above 0, got '{text}'"
    ):
        limit("CHUNK")


def test_the_table_is_documented():
    page = (ROOT / "docs" / "limits.md").read_text()
    rows = dict(re.findall(rf"`{PREFIX}(\w+)` \| ([\d,]+)", page))
    assert {name: int(value.replace(",", "")) for name, value in rows.items()} == LIMITS

"""What can be saved of an MCAP file that was not closed or is damaged, by the `mcap` package.

The format is a sequence of records, each with its length, most of them in chunks with a checksum
(https://mcap.dev/spec). A file is read up to its last whole record; a chunk that is damaged is left out.
"""

from __future__ import annotations

import logging
import struct
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perception.errors import PerceptionError, SourceError
from perception.limits import check
from perception.messages import wire
from perception.sources.bag import Heard, Packed, Topic, reading
from perception.sources.bag_bounds import unpacked

if TYPE_CHECKING:
    from mcap.records import Chunk, McapRecord
    from rosbags.typesys.store import Typestore

MAGIC = b"\x89MCAP0\r\n"
HEAD = struct.Struct("<BQ")  # of a record: opcode, length
DATA_END, FOOTER = 0x0F, 0x02
ENCODINGS = ("ros2msg", "ros2idl")

log = logging.getLogger(__name__)


class CutMcap:
    """Fills `Bag`. Raises SourceError if it is no MCAP, or none of its messages can be saved."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost: Counter[str] = Counter()
        self._holes: Counter[str] = Counter()  # topic -> messages in damaged chunks
        self.facts: dict[str, Mapping[str, str]] = {}
        self._schemas: dict[int, Any] = {}
        self._channels: dict[int, Any] = {}
        self._at = 0  # bytes that were read
        self._whole = False
        with reading(path):
            counts = self._survey()
            self._holes += self.lost
            self._store, unknown = store_of(self._schemas.values())
        self.topics = self._topics(counts)
        if not self.topics:
            kinds = ", ".join(sorted(f"{c.message_encoding} on {c.topic}" for c in self._channels.values()))
            what = kinds or f"{path.stat().st_size} bytes that end before the first chunk does"
            raise SourceError(f"{path}: expected an MCAP with ROS 2 messages (cdr), got {what}")
        saved = f"{sum(counts.values())} messages saved"
        cut = "" if self._whole else f"not closed or cut off behind byte {self._at}, {saved}"
        holes = f"damaged chunks: {sum(self.lost.values())} messages lost" if self.lost else ""
        self.damage = tuple(text for text in (cut, holes, *unknown) if text)
        if self.damage:
            log.warning("%s: %s", path, "; ".join(self.damage))

    def raw(self, topics: Collection[str]) -> Iterator[Packed]:
        self.lost.clear()
        heard = Heard()
        with reading(self.path):
            for message in self._messages():
                channel = self._channels.get(message.channel_id)
                if channel is not None and channel.topic in topics and channel.message_encoding == "cdr":
                    type_name = self._schemas[channel.schema_id].name
                    packed = Packed(channel.topic, type_name, message.log_time, message.data, self._decode)
                    yield heard.add(packed)
        missing = heard.missing(self.topics[name] for name in topics if name in self.topics)
        self.lost |= self._holes + missing  # the larger count

    def _decode(self, data: bytes, name: str) -> Any:
        return wire.fitting(self._store, name).deserialize_cdr(data, name)

    def _survey(self) -> Counter[int]:
        """Messages by channel; notes the span of time on the way."""
        counts: Counter[int] = Counter()
        first, last = 2**63, 0
        for message in self._messages():
            counts[message.channel_id] += 1
            first, last = min(first, message.log_time), max(last, message.log_time)
        self.span_ns = max(0, last - first)
        return counts

    def _topics(self, counts: Mapping[int, int]) -> Mapping[str, Topic]:
        found: dict[str, Topic] = {}
        for key, channel in sorted(self._channels.items()):
            schema = self._schemas.get(channel.schema_id)
            if channel.message_encoding == "cdr" and schema is not None:
                before = found[channel.topic].count if channel.topic in found else 0
                found[channel.topic] = Topic(channel.topic, schema.name, before + counts.get(key, 0))
        return found

    def _messages(self) -> Iterator[Any]:
        """The Message records; notes schemas, channels and metadata on the way."""
        from mcap.records import Channel, Chunk, Message, MessageIndex, Metadata, Schema

        damaged = False  # the last chunk
        for record in self._records():
            for item in self._contents(record) if isinstance(record, Chunk) else (record,):
                if isinstance(item, Message):
                    yield item
                elif isinstance(item, Schema):
                    self._schemas[item.id] = item
                elif isinstance(item, Channel):
                    self._channels[item.id] = item
            if isinstance(record, Metadata):
                self.facts[record.name] = record.metadata
            elif isinstance(record, Chunk):
                damaged = self._damaged
            elif isinstance(record, MessageIndex) and damaged:  # tells what was in the chunk before it
                channel = self._channels.get(record.channel_id)
                self.lost[channel.topic if channel else "?"] += len(record.records)

    def _contents(self, chunk: Chunk) -> list[McapRecord]:
        from mcap.stream_reader import breakup_chunk

        self._damaged = False
        try:
            data = unpacked(chunk.data, chunk.compression, chunk.uncompressed_size)
            return breakup_chunk(replace(chunk, compression="", data=data), validate_crc=True)
        except PerceptionError:
            raise
        except Exception as error:  # of the compression or of the records
            log.debug("%s: a chunk before byte %d: %s", self.path, self._at, error)
            self._damaged = True
            return []

    def _records(self) -> Iterator[McapRecord]:
        from mcap.data_stream import ReadDataStream
        from mcap.opcode import Opcode
        from mcap.records import Channel, Chunk, Message, MessageIndex, Metadata, Schema

        kinds: dict[int, Any] = {
            Opcode.SCHEMA: Schema,
            Opcode.CHANNEL: Channel,
            Opcode.CHUNK: Chunk,
            Opcode.MESSAGE_INDEX: MessageIndex,
            Opcode.METADATA: Metadata,
        }
        for opcode, content in self._framed():
            stream = ReadDataStream(BytesIO(content))
            if opcode == Opcode.MESSAGE:
                yield Message.read(stream, len(content))
            elif opcode in kinds:
                yield kinds[opcode].read(stream)

    def _framed(self) -> Iterator[tuple[int, bytes]]:
        """(opcode, content) of every whole record up to the end of the data."""
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise SourceError(
                    f"{self.path}: expected an MCAP file, got one of another kind; copy it again"
                )
            while len(head := file.read(HEAD.size)) == HEAD.size:
                opcode, length = HEAD.unpack(head)
                self._whole = opcode in (DATA_END, FOOTER)
                if self._whole or file.tell() + length > size:
                    return
                yield opcode, file.read(length)
                self._at = file.tell()


def store_of(schemas: Collection[Any]) -> tuple[Typestore, list[str]]:
    """The types that the schemas of a file define, and complaints about those that cannot be read."""
    try:
        from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore
    except ImportError as error:
        raise PerceptionError(wire.MISSING) from error
    found, complaints = get_typestore(Stores.EMPTY), []
    for schema in schemas:
        check("SCHEMA", len(schema.data), f"the definition of {schema.name}, bytes")
        try:
            text = schema.data.decode()
            if schema.encoding == "ros2msg":
                found.register(get_types_from_msg(text, schema.name))
            elif schema.encoding == "ros2idl":
                found.register(get_types_from_idl(text))
        except Exception as error:
            complaints.append(f"the definition of {schema.name} cannot be read: {error}")
    return found, complaints


def metadata(path: Path) -> dict[str, Mapping[str, str]]:
    """The metadata records of a whole MCAP, by name."""
    from mcap.reader import make_reader

    with path.open("rb") as file:
        return {record.name: record.metadata for record in make_reader(file).iter_metadata()}

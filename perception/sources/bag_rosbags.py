"""Whole bags, by rosbags: MCAP and db3 files and folders of ROS 2, .bag files of ROS 1."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from perception.errors import DataError, SourceError
from perception.messages import wire
from perception.sources.bag import MCAP, METADATA, ZSTD, Heard, Packed, Topic, reading
from perception.sources.bag_bounds import bound_rosbags, check_definitions
from perception.sources.bag_salvage import CutMcap, metadata

if TYPE_CHECKING:
    from rosbags.highlevel import AnyReader

COMPRESSED = (
    "{path}: expected messages, got zstd-compressed ones, and no {name} that says so. Put the recording's "
    "own {name} beside it and give the folder; or write one: `ros2 bag reindex FOLDER`, and in it "
    "compression_format: zstd and compression_mode: MESSAGE"
)

log = logging.getLogger(__name__)


class RosBag:
    """Fills `Bag`. Raises SourceError for everything that rosbags does not read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lost: Counter[str] = Counter()
        self.damage: tuple[str, ...] = ()
        with reading(path):
            for single in self._opened().readers:  # before their definitions are parsed
                with single:
                    check_definitions(single.connections)
        with reading(path), self._opened() as reader:
            types = {connection.topic: connection.msgtype for connection in reader.connections}
            counts: Counter[str] = Counter()
            for connection in reader.connections:
                counts[connection.topic] += connection.msgcount
            self.span_ns = max(0, reader.duration) if reader.message_count else 0
            self.facts = facts(path)
            self._decode = decoder(reader)
        self.topics: Mapping[str, Topic] = {
            name: Topic(name, types[name], counts[name]) for name in sorted(types)
        }

    def raw(self, topics: Collection[str]) -> Iterator[Packed]:
        """A chunk of an MCAP that turns out to be damaged is left out, as `CutMcap` does."""
        self.lost.clear()
        heard, last = Heard(), -1
        try:
            for packed in self._read(topics):
                last = packed.time_ns
                yield heard.add(packed)
        except SourceError as error:
            if self.path.suffix != MCAP:
                raise
            log.warning("%s; going on behind the damage", error)
            rest = CutMcap(self.path)
            self.lost = rest.lost  # which counts on
            yield from (heard.add(packed) for packed in rest.raw(topics) if packed.time_ns > last)
        self.lost = heard.missing(self.topics[name] for name in topics if name in self.topics)

    def _read(self, topics: Collection[str]) -> Iterator[Packed]:
        with reading(self.path), self._opened() as reader:
            chosen = [connection for connection in reader.connections if connection.topic in topics]
            for connection, time_ns, data in reader.messages(connections=chosen) if chosen else ():
                if reader.is2 and data[:4] == ZSTD:
                    raise DataError(COMPRESSED.format(path=self.path, name=METADATA))
                yield Packed(connection.topic, connection.msgtype, time_ns, data, self._decode)

    def _opened(self) -> AnyReader:
        default = wire.store()  # says what to install
        from rosbags.highlevel import AnyReader

        bound_rosbags()
        return AnyReader([self.path], default_typestore=default)


def decoder(reader: AnyReader) -> Callable[[bytes, str], Any]:
    """By the definitions in the bag; standard types also without."""
    own = reader.typestore
    if not reader.is2:
        return lambda data, name: wire.fitting(own, name).deserialize_ros1(data, name)
    return lambda data, name: wire.fitting(own, name).deserialize_cdr(data, name)


def facts(path: Path) -> dict[str, Mapping[str, str]]:
    """The metadata records of its MCAP files, by name."""
    return {name: record for file in mcap_files(path) for name, record in metadata(file).items()}


def mcap_files(path: Path) -> list[Path]:
    return sorted(path.glob("*" + MCAP)) if path.is_dir() else [path] if path.suffix == MCAP else []

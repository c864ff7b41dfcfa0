"""The file of a recorded drive: MCAP that any ROS 2 tool reads.

Profile `ros2`, CDR messages with embedded definitions, chunks compressed with zstd. The topics are those of
`perception.messages.topics` and `perception.fields`; the metadata record `perception` says what computed the
results.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from perception.camera import CameraModel
from perception.errors import PerceptionError, SinkError
from perception.messages import wire
from perception.sinks.drafts import MOUNT, Draft
from perception.sinks.growing import GrowingFile

FACTS = "perception"  # name of the metadata record
CHUNK = 1 << 20  # bytes before compression; fewer if a second is over
LATEST_NS = (2**31 - 1) * 1_000_000_000  # ROS counts seconds in 31 bits


class DriveFile:
    """NAME.mcap; until `close` it is NAME.mcap.part.

    After a power cut or a kill the part holds all but the last second, and `Drive` reads it. If the disk is
    full, SinkError is raised and the part is kept as well. Without a frame there is no file, and one that was
    to be replaced stays. The clock of the file is that of the frames, made to go forward: order is kept where
    stamps repeat or go back; headers have the stamps as they are.
    """

    def __init__(self, path: Path, facts: Mapping[str, Any], overwrite: bool = False) -> None:
        """facts: for the metadata record, JSON where they are no text; overwrite: replace a recording of this
        name, which is refused else."""
        self.path = path
        self._camera: CameraModel | None = None
        self._channels: dict[str, int] = {}
        self._time = -1
        self._done = False
        self._writer_class = writer_class()
        self._file = GrowingFile(path, overwrite)
        with self._or_part():
            self._mcap = self._start(facts)

    @property
    def size(self) -> int:
        """Bytes so far, without the chunk that is being filled."""
        return 0 if self._done else self._file.file.tell()

    @property
    def empty(self) -> bool:
        """Is there no frame in it?"""
        return self._time < 0

    def add(self, stamp_ns: int, camera: CameraModel | None, messages: Iterable[Draft]) -> None:
        """One frame. The mount is written only where the camera is another than before.

        Raises SinkError if the file cannot grow, or the stamp does not fit."""
        if not 0 <= stamp_ns <= LATEST_NS:
            raise SinkError(f"{self.path}: expected a stamp in 0..{LATEST_NS} ns, got {stamp_ns}")
        self._time = max(stamp_ns, self._time + 1)
        same, self._camera = camera == self._camera, camera or self._camera
        with self._or_part():
            for message in messages:
                if not (same and message.topic == MOUNT):
                    self._add(message)
            if self._file.due():
                self._mcap.flush()
                self._file.sync()

    def close(self) -> None:
        if self._done:
            return
        with self._or_part():
            if self.empty:
                self._file.discard()
            else:
                self._mcap.finish()
                self._file.close()
        self._done = True

    def _start(self, facts: Mapping[str, Any]) -> Any:
        mcap = self._writer_class(self._file.file, chunk_size=CHUNK)
        mcap.start(profile="ros2", library="perception")
        texts = {name: fact if isinstance(fact, str) else json.dumps(fact) for name, fact in facts.items()}
        mcap.add_metadata(FACTS, texts)
        self._file.sync()
        return mcap

    def _add(self, message: Draft) -> None:
        topic, type_name, encode = message
        if topic not in self._channels:
            schema = self._mcap.register_schema(type_name, "ros2msg", wire.definition(type_name).encode())
            self._channels[topic] = self._mcap.register_channel(topic, "cdr", schema)
        self._mcap.add_message(self._channels[topic], self._time, encode(), self._time)

    @contextmanager
    def _or_part(self) -> Iterator[None]:
        """After an OSError nothing more is written; the part stays."""
        try:
            yield
        except OSError as error:
            self._done = True
            self._file.leave()
            raise SinkError(
                f"{self.path}: expected to write it, got: {error.strerror}; what was recorded is "
                f"{self._file.part.name}; free the disk"
            ) from error


def writer_class() -> Any:
    wire.store()  # says what to install
    try:
        from mcap.writer import Writer
    except ImportError as error:
        raise PerceptionError(f"{wire.MISSING} ({error})") from error
    return Writer

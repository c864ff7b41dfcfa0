"""Files of recorded messages, whoever wrote them: ROS 2 (MCAP, db3) and ROS 1.

`open_bag` finds the reader: `rosbags` for what is whole, our own for an MCAP that is cut off or damaged. A
bag keeps no file open: each pass over its messages opens it and closes it, and holds a chunk of it in memory.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from perception.errors import DataError, PerceptionError, SourceError
from perception.messages.wire import MISSING
from perception.sources.images import is_image

MCAP, DB3, ROS1 = ".mcap", ".db3", ".bag"
ACTIVE = ROS1 + ".active"  # one that rosbag is writing, or was when it was killed
ZSTD = b"\x28\xb5\x2f\xfd"  # begins what is compressed so (RFC 8878); a message in CDR begins with 0
PART = ".part"  # an MCAP that its recorder could not finish
METADATA = "metadata.yaml"  # of a folder that ros2 bag recorded

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Topic:
    name: str
    type: str  # "sensor_msgs/msg/Image", also in ROS 1 bags
    count: int  # messages that can be read


@dataclass(frozen=True, slots=True)
class Packed:
    """A message as it lies in the file."""

    topic: str
    type: str
    time_ns: int  # when it was recorded
    data: bytes
    decode: Callable[[bytes, str], Any]

    def message(self) -> Any:
        """An object with the attributes of its type. Raises DataError if the bytes are not of that type."""
        try:
            return self.decode(self.data, self.type)
        except KeyError as error:
            raise DataError(
                f"{self.topic}: expected a definition of {self.type} in the file, found none"
            ) from error
        except Exception as error:  # of whatever kind: it is another's parser on damaged bytes
            raise DataError(
                f"{self.topic}: expected a {self.type}, got {len(self.data)} bytes: {error}"
            ) from error


class Bag(Protocol):
    @property
    def topics(self) -> Mapping[str, Topic]: ...
    @property
    def span_ns(self) -> int:
        """From the first message to the last."""

    @property
    def facts(self) -> Mapping[str, Mapping[str, str]]:
        """Metadata records by name."""

    @property
    def damage(self) -> Sequence[str]:
        """What is wrong with the file, in words."""

    @property
    def lost(self) -> Counter[str]:
        """Topic -> messages known to be lost, so far in a pass; at its end also those that never came."""

    def raw(self, topics: Collection[str]) -> Iterator[Packed]:
        """The messages of some topics in order of recording. Raises SourceError where it cannot go on."""


class Heard:
    """Counts the messages of a pass by topic: a file may be cut off while it is read."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, packed: Packed) -> Packed:
        self._counts[packed.topic] += 1
        return packed

    def missing(self, topics: Iterable[Topic]) -> Counter[str]:
        """Topic -> messages that it has and that were not heard."""
        return Counter({topic.name: max(0, topic.count - self._counts[topic.name]) for topic in topics})


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Whatever a library finds wrong with the file becomes a SourceError."""
    try:
        yield
    except PerceptionError:
        raise
    except ImportError as error:
        raise PerceptionError(f"{MISSING} ({error})") from error
    except Exception as error:  # damaged bytes fail anywhere in a reader
        raise SourceError(
            f"{path}: expected a recorded drive, got: {error or type(error).__name__}{remedy(error)}"
        ) from error


def remedy(error: Exception) -> str:
    text = str(error)
    if "not indexed" in text:
        return " The recording was not closed: `rosbag reindex` it"
    if "magic" in text or "Cannot open database" in text or "not a database" in text:
        return " It is of another kind or damaged; copy it again"
    return ""


def is_bag(path: Path) -> bool:
    """By its name; a folder by what is in it, where images count more than a bag among them."""
    if path.is_dir():
        whole = (path / METADATA).is_file()
        return whole or (bool(files_of(path)) and not any(map(is_image, path.iterdir())))
    return path.name.removesuffix(PART).endswith((MCAP, DB3, ROS1, ACTIVE))


def files_of(folder: Path) -> list[Path]:
    """The files of a split recording, in the order in which they were written (_2 before _10)."""
    files = (path for path in folder.iterdir() if path.suffix in (MCAP, DB3))
    return sorted(files, key=lambda path: (len(path.name), path.name))


def open_bag(path: Path) -> Bag:
    """A file, or a folder that `ros2 bag record` made, with its metadata.yaml or without.

    Raises SourceError: nothing there, another kind of file, nothing that can be saved.
    """
    from perception.sources.bag_chain import Chain
    from perception.sources.bag_rosbags import RosBag

    if not path.exists():
        left = path.with_name(path.name + PART)
        hint = (
            f"; there is {left.name}, which an interrupted recording left: give that" if left.exists() else ""
        )
        raise SourceError(f"{path}: expected a recorded drive, found nothing there; check the path{hint}")
    if path.is_file():
        return open_file(path)
    files = files_of(path)
    try:
        if (path / METADATA).is_file():
            return RosBag(path)
    except SourceError as error:
        if not files:
            raise
        log.warning("%s; its files are read one by one", error)
    if not files:
        raise SourceError(
            f"{path}: expected a recorded drive, found no {MCAP} or {DB3} file in it; check the path"
        )
    return Chain([open_file(file) for file in files])


def open_file(path: Path) -> Bag:
    from perception.sources.bag_rosbags import RosBag
    from perception.sources.bag_salvage import CutMcap

    if not path.stat().st_size:
        raise SourceError(f"{path}: expected a recorded drive, got an empty file; nothing can be saved")
    if path.name.endswith(ACTIVE):
        raise SourceError(
            f"{path}: expected a recording that was closed, got one that rosbag had not finished. If it does "
            f"not run any more: `rosbag reindex {path.name}`, then give it the name {path.stem}"
        )
    if not path.name.endswith(MCAP + PART):
        try:
            return RosBag(path)
        except SourceError:
            if path.suffix != MCAP:
                raise
    return CutMcap(path)

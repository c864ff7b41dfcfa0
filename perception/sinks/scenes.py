"""Scenes as JSON lines. docs/scenes.md describes the format.

Numbers are rounded to what they can mean (`perception.field`): 0.1 pixel, 1 cm on the road, 0.001 of a score.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from perception.errors import SourceError
from perception.fields import FIELDS, Named, classes_of, present
from perception.limits import json_value
from perception.redaction import redacted
from perception.sinks.files import PartFile
from perception.types import Frame, Scene

VERSION = 1
MS = 3  # decimals of times

Record = dict[str, Any]


class SceneLines:
    """One line of JSON for each scene."""

    def __init__(self, path: str | Path, tasks: Sequence[Named]) -> None:
        self.tasks = tasks
        self._part = PartFile(Path(path))

    def write(self, frame: Frame, scene: Scene) -> None:
        line = json.dumps(scene_to_json(scene, frame, self.tasks), separators=(",", ":"))
        with self._part.or_nothing():
            self._part.file.write(line.encode() + b"\n")

    def close(self) -> None:
        self._part.commit()


def scene_to_json(scene: Scene, frame: Frame, tasks: Iterable[Named]) -> Record:
    """What json.dumps takes. Keys of what did not run are left out."""
    classes = classes_of(tasks)
    record: Record = {
        "v": VERSION,
        "seq": scene.seq,
        "stamp_ns": scene.stamp_ns,
        "source": redacted(frame.source),
        "size": list(scene.size),
    }
    for field, value in present(scene):
        written = field.to_json(value, classes[field.task])
        if written is not None:
            record[field.name] = written
    record["timing_ms"] = {name: round(ms, MS) for name, ms in scene.timing_ms.items()}
    return record


def read_scenes(path: str | Path) -> Iterator[Record]:
    """The records of a file, one by one; `scene_from_json` makes scenes of them.

    Raises SourceError for a missing file, a line that is no record, or another version of the format.
    """
    try:
        with Path(path).open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, 1):
                yield parsed(line, f"{path}, line {number}")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"{path}: expected scenes as JSON lines, got: {error}") from error


def parsed(line: str, where: str) -> Record:
    try:
        record = json_value(line)
    except ValueError as error:
        raise SourceError(
            f"{where}: expected a scene as JSON, got: {error}; was the file cut off?"
        ) from error
    version = record.get("v") if isinstance(record, dict) else None
    if version != VERSION:
        raise SourceError(f"{where}: expected version {VERSION} of the format, got {version}; run again")
    return record


def scene_from_json(record: Record, tasks: Iterable[Named]) -> Scene:
    """The scene that was written, to the rounding; None where JSON holds too little, as of class maps."""
    classes = classes_of(tasks)
    found: dict[str, Any] = {
        field.name: field.from_json(record[field.name], classes[field.task])
        for field in FIELDS
        if field.name in record
    }
    size = record["size"][0], record["size"][1]
    return Scene(record["seq"], record["stamp_ns"], size, timing_ms=record["timing_ms"], **found)

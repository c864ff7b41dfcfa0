"""Scenes as JSON lines. docs/scenes.md describes the format.

Numbers are rounded to what they can mean: 0.1 pixel, 1 cm on the road, 0.001 of a score.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from perception.errors import SourceError
from perception.interfaces import Task
from perception.limits import json_value
from perception.redaction import redacted
from perception.sinks.files import PartFile
from perception.types import Detections, Frame, LaneLine, Scene, Signs

VERSION = 1
PIXEL, METRE, SCORE, SHARE, MS = 1, 2, 3, 4, 3  # decimals

Record = dict[str, Any]


class SceneLines:
    """One line of JSON for each scene."""

    def __init__(self, path: str | Path, tasks: Sequence[Task]) -> None:
        self.tasks = tasks
        self._part = PartFile(Path(path))

    def write(self, frame: Frame, scene: Scene) -> None:
        line = json.dumps(scene_to_json(scene, frame, self.tasks), separators=(",", ":"))
        with self._part.or_nothing():
            self._part.file.write(line.encode() + b"\n")

    def close(self) -> None:
        self._part.commit()


def scene_to_json(scene: Scene, frame: Frame, tasks: Sequence[Task]) -> Record:
    """What json.dumps takes. Keys of tasks that did not run are left out."""
    classes = {task.name: task.classes for task in tasks}
    record: Record = {
        "v": VERSION,
        "seq": scene.seq,
        "stamp_ns": scene.stamp_ns,
        "source": redacted(frame.source),
        "size": list(scene.size),
    }
    if scene.detections is not None:
        record["detections"] = detections_to_json(scene.detections, classes["detection"])
    if scene.signs is not None:
        record["signs"] = signs_to_json(scene.signs, classes["signs"])
    if scene.lanes is not None:
        record["lanes"] = [lane_to_json(line, classes["lanes"]) for line in scene.lanes]
    if scene.drivable is not None:
        record["drivable"] = {"share": rounded((scene.drivable.labels > 0).mean(), SHARE)}
    if scene.blank:
        record["blank"] = True
    record["timing_ms"] = {name: round(ms, MS) for name, ms in scene.timing_ms.items()}
    return record


def detections_to_json(found: Detections, classes: Sequence[str]) -> list[Record]:
    rows = zip(rounded(found.xyxy, PIXEL), found.class_id, rounded(found.score, SCORE), strict=True)
    return [{"box": box, "class": classes[k], "score": score} for box, k, score in rows]


def signs_to_json(found: Signs, classes: Sequence[str]) -> list[Record]:
    rows = zip(rounded(found.xyxy, PIXEL), found.class_id.tolist(), rounded(found.score, SCORE), strict=True)
    return [{"box": box, "class_id": k, "class": classes[k], "score": score} for box, k, score in rows]


def lane_to_json(line: LaneLine, classes: Sequence[str]) -> Record:
    road = {} if line.road is None else {"road": rounded(line.road, METRE)}
    score = rounded(line.score, SCORE)
    return {"points": rounded(line.image, PIXEL), **road, "score": score, "kind": classes[line.kind]}


def rounded(values: np.ndarray | float, decimals: int) -> Any:
    """(Lists of) Python floats; null for what is not finite, such as a road point above the horizon."""
    exact = np.round(np.asarray(values, np.float64), decimals) + 0.0  # + 0.0: no "-0.0"
    if np.isfinite(exact).all():
        return exact.tolist()
    return np.where(np.isfinite(exact), exact, None).tolist()  # type: ignore[call-overload]


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


def scene_from_json(record: Record, tasks: Sequence[Task]) -> Scene:
    """The scene that was written, to the rounding. `drivable` is None: only its share was written."""
    ids = {task.name: {name: k for k, name in enumerate(task.classes)} for task in tasks}
    return Scene(
        record["seq"],
        record["stamp_ns"],
        (record["size"][0], record["size"][1]),
        detections_from_json(record["detections"], ids["detection"]) if "detections" in record else None,
        signs_from_json(record["signs"]) if "signs" in record else None,
        tuple(lane_from_json(line, ids["lanes"]) for line in record["lanes"]) if "lanes" in record else None,
        timing_ms=record["timing_ms"],
        blank=record.get("blank", False),
    )


def detections_from_json(rows: list[Record], ids: Mapping[str, int]) -> Detections:
    class_id = np.array([ids[row["class"]] for row in rows], np.int32)
    return Detections(boxes(rows), scores(rows), class_id)


def signs_from_json(rows: list[Record]) -> Signs:
    class_id = np.array([row["class_id"] for row in rows], np.int32)
    return Signs(boxes(rows), class_id, scores(rows))


def lane_from_json(row: Record, ids: Mapping[str, int]) -> LaneLine:
    road = np.array(row["road"], np.float32).reshape(-1, 2) if "road" in row else None  # null becomes NaN
    points = np.array(row["points"], np.float32).reshape(-1, 2)
    return LaneLine(points, road, row["score"], ids[row["kind"]])


def boxes(rows: list[Record]) -> np.ndarray:
    return np.array([row["box"] for row in rows], np.float32).reshape(-1, 4)


def scores(rows: list[Record]) -> np.ndarray:
    return np.array([row["score"] for row in rows], np.float32)

"""`Scene.object_classes` in JSON, messages and the gate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from perception import messages
from perception.comparison import Element, Table, Tolerance, same
from perception.field import PIXEL, SCORE, Classes, Field, rounded
from perception.messages import Record
from perception.messages.topics import VEHICLE_FRAME
from perception.tasks.added import BETWEEN, named, pairs
from perception.tasks.boxes import boxes, column, compared
from perception.types import ObjectClasses, Signs, Size

Found = Mapping[str, ObjectClasses]


class ObjectClassesField(Field[Found]):
    """Task -> its classes, and the objects with their class."""

    name = "object_classes"
    task = "object"
    topic, message = "object_classes", "vision_msgs/msg/Detection2DArray"
    label_topic = "object_class_label_info"
    tolerances: Mapping[str, Table] = {
        "": {
            "box": Tolerance(1.0, 0.01),
            "score": Tolerance(0.03, 0.05),
            "class": Tolerance(0, 0.02),
            "missing": Tolerance(0, 0.03),
            "new": Tolerance(0, 0.03),
        },
        "other": {
            "box": Tolerance(4.0, 0.1),
            "score": Tolerance(0.2, 0.2),
            "class": Tolerance(0, 0.1),
            "missing": Tolerance(0, 0.3),
            "new": Tolerance(0, 0.3),
        },
    }

    def to_json(self, value: Found, classes: Classes) -> dict[str, Any]:
        return {name: _to_json(own) for name, own in value.items()}

    def from_json(self, value: dict[str, Any], classes: Classes) -> Found:
        return {name: _from_json(own) for name, own in value.items()}

    def to_message(
        self, value: Found, classes: Classes, header: Record, vehicle_frame: str = VEHICLE_FRAME
    ) -> Record:
        first = {name: list(classes).index(f"{name}{BETWEEN}{own.classes[0]}") for name, own in value.items()}
        found = Signs(
            np.concatenate([np.empty((0, 4), np.float32), *(own.xyxy for own in value.values())]),
            np.concatenate([np.empty(0, np.int32), *(own.class_id + first[n] for n, own in value.items())]),
            np.concatenate([np.empty(0, np.float32), *(own.score for own in value.values())]),
        )
        return messages.signs(found, classes, header)

    def from_message(self, message: Any, classes: Classes, size: Size) -> Found:
        found, first, told = messages.signs_from(message, classes), 0, {}
        for name, own in named(classes).items():
            rows = (found.class_id >= first) & (found.class_id < first + len(own))
            some = found[rows]
            told[name] = ObjectClasses(own, some.xyxy, some.class_id - np.int32(first), some.score)
            first += len(own)
        return told

    def count(self, value: Found, classes: Classes) -> Mapping[str, float]:
        counts: dict[str, float] = {}
        for name, own in value.items():
            for k in own.class_id:
                label = f"{name}{BETWEEN}{own.classes[k]}"
                counts[label] = counts.get(label, 0) + 1
        return counts

    def compare(self, was: dict[str, Any], now: dict[str, Any], size: Size) -> Iterator[Element]:
        yield same("tasks", sorted(was), sorted(now))
        for old, new in pairs(was, now):
            yield from compared(old["objects"], new["objects"])


def _to_json(value: ObjectClasses) -> dict[str, Any]:
    columns = {
        "box": rounded(value.xyxy, PIXEL),
        "class": [value.classes[k] for k in value.class_id],
        "score": rounded(value.score, SCORE),
    }
    rows = zip(*columns.values(), strict=True)
    return {"classes": list(value.classes), "objects": [dict(zip(columns, row, strict=True)) for row in rows]}


def _from_json(value: dict[str, Any]) -> ObjectClasses:
    names, rows = tuple(value["classes"]), value["objects"]
    ids = np.array([names.index(row["class"]) for row in rows], np.int32)
    return ObjectClasses(names, boxes(rows), ids, column(rows, "score", np.float32))

"""`Scene.signs` in JSON, messages and the gate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from perception import messages
from perception.comparison import Element, Table, Tolerance
from perception.field import PIXEL, SCORE, Classes, Field, counted, rounded
from perception.messages import Record
from perception.messages.topics import VEHICLE_FRAME
from perception.tasks.boxes import Row, boxes, column, compared
from perception.types import Signs, Size


class SignsField(Field[Signs]):
    """A list of boxes and what is written in them."""

    name = "signs"
    task = "signs"
    topic, message = "signs", "vision_msgs/msg/Detection2DArray"
    label_topic = "sign_label_info"
    tolerances: Mapping[str, Table] = {
        "": {
            "box": Tolerance(1.0, 0.01),
            "score": Tolerance(0.03, 0.02),
            "class": Tolerance(0, 0.01),
            "missing": Tolerance(0, 0.02),
            "new": Tolerance(0, 0.02),
        },
        "cpu.fp32": {"score": Tolerance(0.005, 0.005)},
        "other": {
            "box": Tolerance(4.0, 0.1),
            "score": Tolerance(0.15, 0.1),
            "class": Tolerance(0, 0.05),
            "missing": Tolerance(0, 0.3),
            "new": Tolerance(0, 0.3),
        },
    }

    def to_json(self, value: Signs, classes: Classes) -> list[Row]:
        class_id = value.class_id.tolist()
        columns = {
            "box": rounded(value.xyxy, PIXEL),
            "class_id": class_id,
            "class": [classes[k] for k in class_id],
            "score": rounded(value.score, SCORE),
            **({} if value.track is None else {"track": value.track.tolist()}),
        }
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def from_json(self, value: list[Row], classes: Classes) -> Signs:
        class_id, score = column(value, "class_id", np.int32), column(value, "score", np.float32)
        track = column(value, "track", np.int64) if value and "track" in value[0] else None
        return Signs(boxes(value), class_id, score, track)

    def to_message(
        self, value: Signs, classes: Classes, header: Record, vehicle_frame: str = VEHICLE_FRAME
    ) -> Record:
        return messages.signs(value, classes, header)

    def from_message(self, message: Any, classes: Classes, size: Size) -> Signs:
        return messages.signs_from(message, classes)

    def count(self, value: Signs, classes: Classes) -> Mapping[str, int]:
        return counted(value.class_id, classes)

    def compare(self, was: list[Row], now: list[Row], size: Size) -> Iterator[Element]:
        yield from compared(was, now)

"""`Scene.detections` in JSON, messages and the gate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from perception import messages
from perception.comparison import Element, Table, Tolerance
from perception.field import METRE, PIXEL, SCORE, Classes, Field, counted, rounded
from perception.messages import Record
from perception.messages.topics import VEHICLE_FRAME
from perception.tasks.boxes import Row, boxes, column, compared
from perception.types import Detections, Size

MS = 1
TRACKED: Mapping[str, tuple[int | None, type]] = {  # what stages add -> decimals (None: integers), dtype
    "track": (None, np.int64),
    "road": (METRE, np.float32),
    "sigma_m": (METRE, np.float32),
    "velocity": (METRE, np.float32),
    "age_ms": (MS, np.float32),
}


class DetectionsField(Field[Detections]):
    """A list of boxes, best first."""

    name = "detections"
    task = "detection"
    topic, message = "detections", "vision_msgs/msg/Detection2DArray"
    label_topic = "label_info"
    tolerances: Mapping[str, Table] = {
        "": {
            "box": Tolerance(1.0, 0.01),  # pixels, the corner that moved most
            "score": Tolerance(0.02, 0.01),
            "class": Tolerance(0, 0.005),
            "missing": Tolerance(0, 0.02),  # near the threshold a hair decides
            "new": Tolerance(0, 0.02),
            "road": Tolerance(0.05, 0.05),  # as a share of the distance
            "velocity": Tolerance(0.5, 0.1),  # m/s; where many are near, a hair decides which box is whose
        },
        "cpu.fp32": {"box": Tolerance(0.2, 0.005), "score": Tolerance(0.002, 0.005)},
        "cuda.fp16": {"box": Tolerance(1.0, 0.02), "score": Tolerance(0.02, 0.02)},
        "cuda.trt.int8": {
            "box": Tolerance(2.0, 0.03),
            "score": Tolerance(0.05, 0.03),
            "road": Tolerance(0.1, 0.1),
            "velocity": Tolerance(1.0, 0.1),
        },
        "other": {
            "box": Tolerance(4.0, 0.1),
            "score": Tolerance(0.15, 0.1),
            "class": Tolerance(0, 0.03),
            "missing": Tolerance(0, 0.2),
            "new": Tolerance(0, 0.2),
            "road": Tolerance(0.1, 0.1),
            "velocity": Tolerance(1.0, 0.1),
        },
    }

    def to_json(self, value: Detections, classes: Classes) -> list[Row]:
        columns: dict[str, Any] = {
            "box": rounded(value.xyxy, PIXEL),
            "class": [classes[k] for k in value.class_id],
            "score": rounded(value.score, SCORE),
        }
        for name, (decimals, _) in TRACKED.items():
            added = getattr(value, name)
            if added is not None:
                columns[name] = added.tolist() if decimals is None else rounded(added, decimals)
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    def from_json(self, value: list[Row], classes: Classes) -> Detections:
        ids = {name: k for k, name in enumerate(classes)}
        class_id = np.array([ids[row["class"]] for row in value], np.int32)
        there = {name: dtype for name, (_, dtype) in TRACKED.items() if value and name in value[0]}
        added = {name: column(value, name, dtype) for name, dtype in there.items()}
        return Detections(boxes(value), column(value, "score", np.float32), class_id, **added)

    def to_message(
        self, value: Detections, classes: Classes, header: Record, vehicle_frame: str = VEHICLE_FRAME
    ) -> Record:
        return messages.detections(value, classes, header)

    def from_message(self, message: Any, classes: Classes, size: Size) -> Detections:
        return messages.detections_from(message, classes)

    def count(self, value: Detections, classes: Classes) -> Mapping[str, int]:
        return counted(value.class_id, classes)

    def compare(self, was: list[Row], now: list[Row], size: Size) -> Iterator[Element]:
        yield from compared(was, now)

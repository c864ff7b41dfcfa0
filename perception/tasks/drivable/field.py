"""`Scene.drivable` in JSON, messages, class maps and the gate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import cv2
import numpy as np

from perception import messages
from perception.comparison import Element, Table, Tolerance, apart
from perception.field import SHARE, Classes, Field, rounded
from perception.messages import Record
from perception.messages.topics import VEHICLE_FRAME
from perception.types import ClassMap, Size


class DrivableField(Field[ClassMap]):
    """JSON has the share of the image; the mask is a message and a class map."""

    name = "drivable"
    task = "drivable"
    topic, message = "drivable_mask", "sensor_msgs/msg/Image"
    large = True
    tolerances: Mapping[str, Table] = {
        "": {"share": Tolerance(0.002, 0.01)},
        "cpu.fp32": {"share": Tolerance(0.0003, 0.005)},
        "cuda.trt.int8": {"share": Tolerance(0.005, 0.02)},
        "other": {"share": Tolerance(0.02, 0.05)},
    }

    def to_json(self, value: ClassMap, classes: Classes) -> dict[str, float]:
        return {"share": rounded(_share(value), SHARE)}

    def to_message(
        self, value: ClassMap, classes: Classes, header: Record, vehicle_frame: str = VEHICLE_FRAME
    ) -> Record:
        return messages.mask(value, header)

    def from_message(self, message: Any, classes: Classes, size: Size) -> ClassMap:
        return messages.mask_from(message, size)

    def count(self, value: ClassMap, classes: Classes) -> Mapping[str, float]:
        return {"share": _share(value)}

    def total(self, counts: Mapping[str, float], frames: int) -> Mapping[str, float]:
        return {"mean_share": round(counts["share"] / frames, 4)}

    def class_map(self, value: ClassMap, size: Size) -> np.ndarray:
        """Every pixel takes the class of the cell it lies in."""
        return cv2.resize(value.labels, value.size, interpolation=cv2.INTER_NEAREST_EXACT)

    def compare(self, was: dict[str, float], now: dict[str, float], size: Size) -> Iterator[Element]:
        yield apart("share", was["share"], now["share"])


def _share(cells: ClassMap) -> float:
    return float((cells.labels > 0).mean())

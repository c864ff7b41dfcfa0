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

SPECK = 12  # cells: a smaller part is not outlined


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

    def outline(self, value: ClassMap) -> list[np.ndarray]:
        """The edges of the larger parts, simplified to the width of a cell."""
        height, width = value.labels.shape
        edges, _ = cv2.findContours(
            np.minimum(value.labels, 1), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_TC89_KCOS
        )
        scale = np.array([value.size[0] / width, value.size[1] / height])
        large = [edge for edge in edges if cv2.contourArea(edge) >= SPECK]
        return [(cv2.approxPolyDP(edge, 0.7, True)[:, 0] + 0.5) * scale for edge in large]

    def compare(self, was: dict[str, float], now: dict[str, float], size: Size) -> Iterator[Element]:
        yield apart("share", was["share"], now["share"])


def _share(cells: ClassMap) -> float:
    return float((cells.labels > 0).mean())

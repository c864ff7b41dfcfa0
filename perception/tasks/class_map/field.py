"""`Scene.class_maps` in JSON, messages, class maps and the gate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import cv2
import numpy as np

from perception import messages
from perception.comparison import Element, Table, Tolerance, apart, same
from perception.field import SHARE, Classes, Field, rounded
from perception.messages import Record
from perception.messages.topics import VEHICLE_FRAME
from perception.tasks.added import BETWEEN, named, pairs
from perception.types import VOID, LabelMap, Size

Found = Mapping[str, LabelMap]


class ClassMapsField(Field[Found]):
    """JSON has each class's share of the image; the maps are a message and a class map.

    In both a value counts on through the tasks: the second one's first class follows the first one's last.
    """

    name = "class_maps"
    task = "map"
    topic, message = "class_maps", "sensor_msgs/msg/Image"
    label_topic = "class_map_label_info"
    large = True
    tolerances: Mapping[str, Table] = {
        "": {"share": Tolerance(0.01, 0.02)},
        "other": {"share": Tolerance(0.05, 0.1)},
    }

    def to_json(self, value: Found, classes: Classes) -> dict[str, Any]:
        return {name: _shares(own) for name, own in value.items()}

    def to_message(
        self, value: Found, classes: Classes, header: Record, vehicle_frame: str = VEHICLE_FRAME
    ) -> Record:
        return messages.class_maps([_numbered(own, name, classes) for name, own in value.items()], header)

    def from_message(self, message: Any, classes: Classes, size: Size) -> Found:
        maps, first, told = messages.class_maps_from(message), 0, {}
        for name, own in named(classes).items():
            for labels in maps:  # a task that did not run has none; the values say whose one is
                known = (labels >= first) & (labels < first + len(own))
                if known.any():
                    told[name] = LabelMap(own, np.where(known, labels - first, VOID).astype(np.uint8), size)
            first += len(own)
        return told

    def count(self, value: Found, classes: Classes) -> Mapping[str, float]:
        return {
            f"{name}{BETWEEN}{label}": share
            for name, own in value.items()
            for label, share in _shares(own).items()
        }

    def total(self, counts: Mapping[str, float], frames: int) -> Mapping[str, float]:
        return {name: round(total / frames, SHARE) for name, total in counts.items()}

    def class_map(self, value: Found, size: Size) -> np.ndarray | None:
        """That of the first task."""
        return next((_sized(own.labels, own.size) for own in value.values()), None)

    def compare(self, was: dict[str, Any], now: dict[str, Any], size: Size) -> Iterator[Element]:
        yield same("tasks", sorted(was), sorted(now))
        for old, new in pairs(was, now):
            yield from (apart("share", *both) for both in pairs(old, new))


def _sized(labels: np.ndarray, size: Size) -> np.ndarray:
    return cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST_EXACT)


def _numbered(value: LabelMap, name: str, classes: Classes) -> np.ndarray:
    """(H, W) uint8 of the image: places in `classes`; VOID where nothing was looked at."""
    first = list(classes).index(f"{name}{BETWEEN}{value.classes[0]}")
    labels = _sized(value.labels, value.size)
    return np.where(labels == VOID, VOID, labels + first).astype(np.uint8)


def _shares(value: LabelMap) -> dict[str, Any]:
    counts = np.bincount(value.labels.ravel(), minlength=VOID + 1)[: len(value.classes)]
    return dict(zip(value.classes, rounded(counts / max(1, value.labels.size), SHARE), strict=True))
